"""`/api/v1/executions`: the runs of all jobs, what they logged, and what can be done to one that is not over."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import executions, narrowing, reruns, run_log
from jobs.api.base import TenantEngineViewSet
from jobs.api.broker import refuse_without_broker
from jobs.api.dead_letter_output import ReplayedSerializer
from jobs.api.execution_output import (
    ExecutionDetailSerializer,
    ExecutionSerializer,
    LogSerializer,
    PriorityChangedSerializer,
    detail,
    in_detail,
)
from jobs.api.inputs import PriorityChangeSerializer, RefusalSerializer, ReplayStartSerializer
from jobs.api.parameters import ExecutionListParameters, ExecutionParameters, LogParameters
from jobs.models import Execution
from jobs.rules.states import FINISHED, PRIORITIES, ExecutionStatus
from jobs.tick import publisher
from scheduler_project.api.errors import Conflict, Invalid
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import StrictSerializer
from scheduler_project.lib import sql

MOST_ANNOUNCED = 500  # at once; the leader announces the others


def listed_executions() -> QuerySet[Execution]:
    """With what a list shows and without what only the detail shows."""
    return Execution.objects.select_related("tenant", "template", "job").defer(
        *("parameters", "policy", "result", "template__schema", "template__description"),
        *("job__parameters", "job__spec", "job__policy", "job__description"),
    )


class ExecutionViewSet(TenantEngineViewSet):
    noun = "execution"
    queryset = Execution.objects.none()
    serializer_class = ExecutionSerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve", "log", "raw_log"), Scope.SCHEDULER_READ),
        **dict.fromkeys(("cancel", "change", "change_all", "rerun"), Scope.SCHEDULER_RUN),
        **dict.fromkeys(("approve", "refuse"), Scope.SCHEDULER_APPROVE),
    }
    operation_ids = {
        "list": "list_executions",
        "retrieve": "get_execution",
        "log": "read_log_of_execution",
        "raw_log": "read_log_of_execution_as_text",
        "cancel": "cancel_execution",
        "change": "change_execution",
        "change_all": "change_executions",
        "approve": "approve_execution",
        "refuse": "refuse_execution",
        "rerun": "rerun_execution",
    }
    version_field = "event_sequence"
    conditional = frozenset({"change"})
    parameters = {"list": ExecutionListParameters, "log": LogParameters, "change_all": ExecutionParameters}
    kept = frozenset({"list", "retrieve", "log"})
    errors = {
        "cancel": {409: "The execution has already finished."},
        "change": {409: "The execution does not wait any more."},
        "rerun": {409: "The execution has not ended, or what it takes to run it again is there no more."},
        **{action: {409: "The execution does not wait for approval."} for action in ("approve", "refuse")},
    }

    def list(self, request: Request) -> Response:
        """The executions of the caller's tenants, the newest first."""
        return self.answer_page(
            narrowing.find_executions(self.scoped(listed_executions()), **self.filters), ExecutionSerializer
        )

    @extend_schema(responses=ExecutionDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One execution with its result, its attempts and, while it runs, who runs it."""
        return self._shown(pk)

    @extend_schema(responses=LogSerializer)
    def log(self, request: Request, pk: str) -> Response:
        """The lines that the run logged after `since`. Ask again with `next_since` until `finished`.

        With `before` the last ones before a line, to be read backwards: ask again with the sequence of the first.
        """
        execution = self.find(Execution.objects.only("id", "tenant_id", "status"), pk)
        since, before, limit = self.filters["since"], self.filters.get("before"), self.filters["limit"]
        narrowed = {name: self.filters[name] for name in ("level", "search") if name in self.filters}
        found = run_log.lines(execution.pk, **narrowed)
        if before is None:
            window = run_log.after(found, since, limit)
        else:
            window = run_log.before(found.filter(sequence__gt=since), before, limit)
        has_more = window.has_later if before is None else window.has_earlier
        log = {
            "results": window.lines,
            "has_more": has_more,
            "next_since": window.lines[-1].sequence if window.lines else since,
            "finished": execution.status in FINISHED and not has_more,
        }
        return Response(LogSerializer(log).data)

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def raw_log(self, request: Request, pk: str) -> HttpResponse:
        """The whole log as text: of each line the instant, the level and the message, as it was written."""
        execution = self.find(Execution.objects.only("id", "tenant_id"), pk)
        return HttpResponse("".join(run_log.raw(execution.pk)), content_type="text/plain; charset=utf-8")

    @extend_schema(request=ReplayStartSerializer, responses={201: ReplayedSerializer})
    @idempotent
    def rerun(self, request: Request, pk: str) -> Response:
        """Run it again as it was then, or with other parameters. The new execution has this one as its parent.

        Template, revision and policies are those of then. If it has an open dead letter, that is replayed by this.
        """
        execution = self.find(Execution.objects.select_related("template"), pk)
        wishes = self.read_body(ReplayStartSerializer)
        refuse_without_broker()
        new_id = reruns.rerun(
            execution,
            actor=self.principal.label,
            request_id=self.request_id,
            parameters=wishes.get("parameters"),
        )
        publisher.announce_soon([new_id])
        headers = {"Location": reverse("execution-detail", args=[new_id])}
        return Response(ReplayedSerializer({"execution_id": new_id}).data, status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=None, responses={202: ExecutionDetailSerializer})
    def cancel(self, request: Request, pk: str) -> Response:
        """Ask for the end. What is queued ends at once; what runs learns of it with its next heartbeat."""
        self.read_body(StrictSerializer)
        execution = self.find(Execution.objects.only("id", "tenant_id"), pk)
        executions.cancel(execution.pk, by=self.principal.label, now=sql.now())
        return self._shown(pk, status.HTTP_202_ACCEPTED)

    @extend_schema(request=PriorityChangeSerializer, responses=ExecutionDetailSerializer)
    def change(self, request: Request, pk: str) -> Response:
        """Another priority for what is queued. It counts at once, announced or not, and for retries too."""
        execution = self.find(Execution.objects.only("id", "tenant_id", "status"), pk)
        wishes = self.read_body(PriorityChangeSerializer)
        if execution.status != ExecutionStatus.QUEUED:
            raise Conflict(f"Execution {pk} is {execution.status}; only what is queued can change.", code="not_queued")
        with self.unless_changed(execution):
            self._change_priority(Execution.objects.filter(pk=execution.pk), wishes["priority"])
        return self._shown(pk)

    @extend_schema(request=PriorityChangeSerializer, responses=PriorityChangedSerializer)
    def change_all(self, request: Request) -> Response:
        """Another priority for all queued executions that fit the query, which has at least one parameter."""
        wishes = self.read_body(PriorityChangeSerializer)
        if not self.filters:
            raise Invalid({"": ["Narrow it down by at least one query parameter, such as `job` or `queue`."]})
        found = narrowing.find_executions(self.scoped(Execution.objects.all()), **self.filters)
        return Response({"changed": self._change_priority(found, wishes["priority"])})

    @extend_schema(request=None, responses=ExecutionDetailSerializer)
    def approve(self, request: Request, pk: str) -> Response:
        """Let a run start that waits for approval."""
        self.read_body(StrictSerializer)
        execution = self.find(Execution.objects.only("id", "tenant_id"), pk)
        executions.approve(execution.pk, by=self.principal.label, now=sql.now())
        publisher.announce_soon([execution.pk])
        return self._shown(pk)

    @extend_schema(request=RefusalSerializer, responses=ExecutionDetailSerializer)
    def refuse(self, request: Request, pk: str) -> Response:
        """End a run that waits for approval, without its having begun."""
        execution = self.find(Execution.objects.only("id", "tenant_id"), pk)
        wishes = self.read_body(RefusalSerializer)
        executions.refuse(execution.pk, by=self.principal.label, now=sql.now(), **wishes)
        return self._shown(pk)

    def _change_priority(self, found: QuerySet[Execution], priority: str) -> int:
        changed = executions.change_priority_of(
            found, priority=PRIORITIES[priority], by=self.principal.label, now=sql.now()
        )
        publisher.announce_soon(changed[:MOST_ANNOUNCED])
        return len(changed)

    def _shown(self, pk: str, code: int = status.HTTP_200_OK) -> Response:
        execution = self.find(in_detail(Execution.objects.all()), pk)
        return Response(detail(execution).data, status=code)
