"""`/api/v1/jobs/bulk` and `/api/v1/executions/bulk`: one wish for many rows, with an answer for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import bulk, narrowing
from jobs.api.base import TenantEngineViewSet, answer_for, may_run_sub_minute
from jobs.api.broker import NO_BROKER, refuse_without_broker
from jobs.api.bulk_bodies import BulkSerializer, ExecutionBulkSerializer, JobBulkSerializer
from jobs.api.parameters import ExecutionParameters, JobParameters
from jobs.bulk import MOST, Result, Status
from jobs.models import Execution, Job
from jobs.rules.states import Trigger
from scheduler_project.api import refusals
from scheduler_project.api.errors import Conflict, Invalid, as_problem
from scheduler_project.api.idempotency import idempotent_in_pieces
from scheduler_project.api.serializers import StrictSerializer

COUNT_DIFFERS = "Other than `expect_count` are meant; nothing was done."


class BulkViewSet(TenantEngineViewSet):
    """What both have in common."""

    serializer_class = BulkSerializer
    scopes: ClassVar[Mapping[str, str]]
    filter_parameters: ClassVar[type[StrictSerializer]]
    wanted: dict[str, Any]

    @property
    def scope(self) -> str:
        return self.asked_scope(self.request)

    def asked_scope(self, request: Request) -> str:
        """That of the action that the body names; where it names none, that of the endpoint."""
        try:
            named = request.data.get("action") if isinstance(request.data, dict) else None
        except APIException:
            named = None  # the view says what is wrong with the body
        return self.scopes.get(named if isinstance(named, str) else "", self.required_scopes["apply"])

    def select(self, rows: QuerySet[Any], wanted: dict[str, Any]) -> tuple[list[int], dict[int, Exception]]:
        """The ids that are meant, and why some of them cannot be reached. Raises Conflict, Invalid."""
        if "filter" in wanted:
            ids = list(self.filtered(self.scoped(rows), wanted["filter"]).values_list("pk", flat=True)[: MOST + 1])
            unreachable: dict[int, Exception] = {}
        else:
            ids = wanted["ids"]
            tenants = dict(rows.filter(pk__in=ids).values_list("pk", "tenant_id"))
            unreachable = {pk: self._refusal(pk, tenants.get(pk)) for pk in ids if not self._may(tenants.get(pk))}
        try:
            bulk.refuse_count(len(ids), wanted.get("expect_count"))
        except bulk.CountDiffers as error:
            raise Conflict(str(error), code="count_differs") from None
        except bulk.TooMany as error:
            raise Invalid({"filter": [str(error)]}) from None
        return ids, unreachable

    def filtered(self, rows: QuerySet[Any], given: dict[str, Any]) -> QuerySet[Any]:
        raise NotImplementedError

    def read_filter(self, given: dict[str, Any]) -> dict[str, Any]:
        reader = self.filter_parameters(data=given)
        if not reader.is_valid():
            raise serializers.ValidationError({"filter": reader.errors})
        return dict(reader.validated_data)

    def answer(
        self, wanted: dict[str, Any], ids: list[int], done: Sequence[Result], unreachable: Mapping[int, Exception]
    ) -> Response:
        refused = (Result(pk, Status.REFUSED, error) for pk, error in unreachable.items())
        by_id = {result.id: result for result in (*done, *refused)}
        shown = [self._shown(by_id[pk]) for pk in ids]
        counts = {status.value: sum(one["status"] == status for one in shown) for status in Status}
        told = {"action": wanted["action"], "dry_run": wanted["dry_run"], "count": len(ids), **counts, "results": shown}
        return Response(told)

    def _may(self, tenant_id: int | None) -> bool:
        return tenant_id is not None and self.principal.may(self.scope, tenant_id)

    def _refusal(self, pk: int, tenant_id: int | None) -> Exception:
        return refusals.of_row(self.principal, self.scope, noun=self.noun, pk=pk, tenant_id=tenant_id)

    def _shown(self, result: Result) -> dict[str, Any]:
        error = None
        if result.error is not None:
            error = as_problem(answer_for(result.error)).body(self.request._request)["error"]
        return {"id": result.id, "status": result.status, "execution_id": result.execution_id, "error": error}


class JobBulkViewSet(BulkViewSet):
    noun = "job"
    queryset = Job.objects.none()
    required_scopes = {"apply": Scope.SCHEDULER_WRITE}  # `run` needs scheduler:run instead
    scopes = bulk.JOB_ACTIONS
    operation_ids = {"apply": "change_many_jobs"}
    filter_parameters = JobParameters
    errors = {"apply": {409: COUNT_DIFFERS, 501: NO_BROKER}}

    @extend_schema(request=JobBulkSerializer)
    @idempotent_in_pieces
    def apply(self, request: Request) -> Response:
        """Do one thing to up to 500 jobs. Each is changed in a transaction of its own, and each is answered for."""
        wanted = self.read_body(JobBulkSerializer)
        if "slug" in wanted.get("changes", {}):
            raise Invalid({"changes.slug": ["Each job has a slug of its own; change it by itself."]})
        ids, unreachable = self.select(Job.objects.all(), wanted)
        if wanted["action"] == "run":
            refuse_without_broker()
        wish = bulk.JobWish(
            actor=self.principal.label,
            note=wanted["note"],
            request_id=self.request_id,
            trigger=Trigger.API,
            until=wanted.get("until"),
            tags=wanted.get("tags", ()),
            changes=wanted.get("changes", {}),
            may_run_sub_minute=may_run_sub_minute(self.principal),
        )
        within_reach = [pk for pk in ids if pk not in unreachable]
        done = bulk.apply_to_jobs(wanted["action"], within_reach, wish, dry_run=wanted["dry_run"])
        return self.answer(wanted, ids, done, unreachable)

    def filtered(self, rows: QuerySet[Any], given: dict[str, Any]) -> QuerySet[Any]:
        return narrowing.find_jobs(rows, **self.read_filter(given))


class ExecutionBulkViewSet(BulkViewSet):
    noun = "execution"
    queryset = Execution.objects.none()
    required_scopes = {"apply": Scope.SCHEDULER_RUN}
    scopes = bulk.EXECUTION_ACTIONS
    operation_ids = {"apply": "change_many_executions"}
    filter_parameters = ExecutionParameters
    errors = {"apply": {409: COUNT_DIFFERS}}

    @extend_schema(request=ExecutionBulkSerializer)
    @idempotent_in_pieces
    def apply(self, request: Request) -> Response:
        """Do one thing to up to 500 executions. Each is changed in a transaction of its own, and answered for."""
        wanted = self.read_body(ExecutionBulkSerializer)
        ids, unreachable = self.select(Execution.objects.all(), wanted)
        wish = bulk.ExecutionWish(
            actor=self.principal.label, priority=wanted.get("priority", ""), request_id=self.request_id
        )
        within_reach = [pk for pk in ids if pk not in unreachable]
        done = bulk.apply_to_executions(wanted["action"], within_reach, wish, dry_run=wanted["dry_run"])
        return self.answer(wanted, ids, done, unreachable)

    def filtered(self, rows: QuerySet[Any], given: dict[str, Any]) -> QuerySet[Any]:
        return narrowing.find_executions(rows, **self.read_filter(given))
