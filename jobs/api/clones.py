"""`/api/v1/jobs/{id}/clone`: a new job that does what another does."""

from __future__ import annotations

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import cloning
from jobs.api.base import TenantEngineViewSet, may_run_sub_minute
from jobs.api.job_output import JobSerializer
from jobs.models import Job
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import StrictSerializer, TextField, TrueOrFalseField


class CloneOptionsSerializer(StrictSerializer):
    name = TextField(required=False, max_length=200, help_text="The other's with ` (copy)` unless told.")
    slug = TextField(required=False, max_length=100, help_text="The other's with `-copy` unless told.")
    enabled = TrueOrFalseField(default=False, help_text="Put its schedule in force at once.")
    note = TextField(required=False, default="", allow_blank=True, max_length=500, help_text="Why, for the revision.")
    tenant = TextField(
        required=False, max_length=63, help_text="Another of your tenants, by slug; secrets do not go along then."
    )


class CloneViewSet(TenantEngineViewSet):
    noun = "job"
    queryset = Job.objects.none()
    serializer_class = JobSerializer
    required_scopes = {"clone": Scope.SCHEDULER_WRITE}
    operation_ids = {"clone": "clone_job"}

    @extend_schema(request=CloneOptionsSerializer, responses={201: JobSerializer})
    @idempotent
    def clone(self, request: Request, pk: str) -> Response:
        """A new job with the definition of this one. Not enabled unless asked; its dependencies, hooks, webhooks and
        history stay where they are; within the tenant its secrets go along unseen, and its own notification rules."""
        job = self.find(Job.objects.select_related("tenant", "template", "pool"), pk)
        wishes = self.read_body(CloneOptionsSerializer)
        named = wishes.pop("tenant", None)
        user = self.principal.user
        made = cloning.clone(
            job,
            actor=self.principal.label,
            tenant=self.tenant_to_write_to(named) if named else None,
            owner_id=user.pk if user else None,
            may_run_sub_minute=may_run_sub_minute(self.principal),
            **wishes,
        )
        shown = Job.objects.select_related("tenant", "template", "owner", "pool").get(pk=made.pk)
        headers = {"Location": reverse("job-detail", args=[made.pk])}
        return Response(JobSerializer(shown).data, status=status.HTTP_201_CREATED, headers=headers)
