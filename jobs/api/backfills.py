"""`/api/v1/jobs/{id}/backfills` and `/api/v1/backfills`: run past windows of jobs again, see how far they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import backfill as backfills
from jobs.api.backfill_output import BackfillSerializer, PlanSerializer
from jobs.api.base import TenantEngineViewSet
from jobs.api.inputs import BackfillStartSerializer
from jobs.models import Backfill, Job
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import StrictSerializer


class JobBackfillViewSet(TenantEngineViewSet):
    noun = "job"
    queryset = Job.objects.none()
    serializer_class = BackfillSerializer
    required_scopes = {"list": Scope.SCHEDULER_READ, "start": Scope.SCHEDULER_RUN}
    operation_ids = {"list": "list_backfills_of_job", "start": "start_backfill"}
    errors = {"start": {409: "The job is archived, or a backfill of it is still running."}}

    @extend_schema(responses=BackfillSerializer(many=True))
    def list(self, request: Request, pk: str) -> Response:
        """The job's backfills with their progress, the newest first."""
        job = self.find(Job.objects.only("id", "tenant_id"), pk)
        page = self.paginate_queryset(shown_backfills().filter(job=job))
        return self.get_paginated_response(_shown(page or []))

    @extend_schema(
        request=BackfillStartSerializer,
        responses={
            201: BackfillSerializer,
            200: OpenApiResponse(PlanSerializer, description="With `plan_only`: what would run."),
        },
    )
    @idempotent
    def start(self, request: Request, pk: str) -> Response:
        """Run the job again for each past instant of its present schedule from `since` to `until`, both included.

        The runs are queued oldest first, `at_once` at a time. The ticks of that time stay as they were. With
        `plan_only` nothing is started; the answer says what would run.
        """
        job = self.find(Job.objects.select_related("template"), pk)
        wishes = self.read_body(BackfillStartSerializer)
        only = wishes.get("only") or None
        if wishes.pop("plan_only"):
            return Response(PlanSerializer(backfills.plan(job, wishes["since"], wishes["until"], only=only)).data)
        started = backfills.start(
            job, **{**wishes, "only": only}, actor=self.principal.label, request_id=self.request_id
        )
        headers = {"Location": reverse("backfill-detail", args=[started.pk])}
        shown = _shown([shown_backfills().get(pk=started.pk)])
        return Response(shown[0], status=status.HTTP_201_CREATED, headers=headers)


class BackfillViewSet(TenantEngineViewSet):
    noun = "backfill"
    queryset = Backfill.objects.none()
    serializer_class = BackfillSerializer
    required_scopes = {"retrieve": Scope.SCHEDULER_READ, "cancel": Scope.SCHEDULER_RUN}
    operation_ids = {"retrieve": "get_backfill", "cancel": "cancel_backfill"}
    errors = {"cancel": {409: "The backfill has ended."}}

    def retrieve(self, request: Request, pk: str) -> Response:
        """One backfill and how far it is."""
        return Response(_shown([self.find(shown_backfills(), pk)])[0])

    @extend_schema(request=None, responses={200: BackfillSerializer})
    def cancel(self, request: Request, pk: str) -> Response:
        """Queue no further runs and cancel those that wait; what runs goes on to its end."""
        self.read_body(StrictSerializer)
        backfill = self.find(Backfill.objects.only("id", "tenant_id"), pk)
        backfills.cancel(backfill.pk, actor=self.principal.label)
        return self.retrieve(self.request, pk)


def shown_backfills() -> QuerySet[Backfill]:
    return Backfill.objects.select_related("tenant", "job").defer("job__parameters", "job__spec", "job__policy")


def _shown(found: Iterable[Backfill]) -> Any:
    rows = list(found)
    context = {"progress": backfills.progress_of([row.pk for row in rows])}
    return BackfillSerializer(rows, many=True, context=context).data
