"""`/api/v1/tasks`: run a template once, without a job; see what became of it, and cancel it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import executions, narrowing, submission
from jobs.api.base import TenantEngineViewSet
from jobs.api.broker import NO_BROKER, refuse_without_broker
from jobs.api.execution_output import detail, in_detail
from jobs.api.executions import listed_executions
from jobs.api.families import read_task
from jobs.api.inputs import UserIdField
from jobs.api.parameters import TaskListParameters
from jobs.api.task_output import TaskDetailSerializer, TaskSerializer
from jobs.models import Execution
from jobs.rules.states import PRIORITIES
from jobs.tick import publisher
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import (
    InstantField,
    ObjectField,
    StrictSerializer,
    TextField,
    TrueOrFalseField,
    WholeNumberField,
)
from scheduler_project.api.views import TENANT_PARAMETER
from scheduler_project.lib import sql


class TaskCreationSerializer(StrictSerializer):
    template = TextField(max_length=63, help_text="The name of a template.")
    template_version = WholeNumberField(required=False, min_value=1, max_value=32_767, help_text="The newest if none.")
    payload = ObjectField(required=False, help_text="The parameters, as the template's schema says; at most 64 KiB.")
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False, help_text="`normal` unless told.")
    queue = TextField(required=False, max_length=100, help_text="`default` unless told.")
    user_id = UserIdField()
    scheduled_at = InstantField(
        required=False, allow_null=True, help_text="Not before this instant, at most 366 days ahead; now unless told."
    )
    timeout_seconds = WholeNumberField(required=False, min_value=1, help_text="The template's unless told.")
    soft_timeout_seconds = WholeNumberField(
        required=False, allow_null=True, min_value=1, help_text="From here on the run is asked to stop."
    )
    max_retries = WholeNumberField(required=False, min_value=0, max_value=100, help_text="The template's unless told.")
    dry_run = TrueOrFalseField(default=False, help_text="Say what the run would do and change nothing.")
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class TaskViewSet(TenantEngineViewSet):
    noun = "task"
    queryset = Execution.objects.none()
    serializer_class = TaskSerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve"), Scope.TASK_READ),
        "create": Scope.TASK_CREATE,
        "cancel": Scope.TASK_CANCEL,
    }
    operation_ids = {
        "list": "list_tasks",
        "retrieve": "get_task",
        "create": "create_task",
        "cancel": "cancel_task",
    }
    parameters = {"list": TaskListParameters}
    kept = frozenset({"list", "retrieve"})
    version_field = "event_sequence"
    conditional = frozenset({"cancel"})
    errors = {
        "create": {501: NO_BROKER, 503: "Too many runs wait already; `Retry-After` says when to try again."},
        "cancel": {409: "The task has already finished."},
    }

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Camel case and the names that clients of other schedulers use are read as ours."""
        super().initial(request, *args, **kwargs)
        if self.action == "create" and isinstance(request.data, dict):
            request._full_data = read_task(request.data)  # type: ignore[attr-defined]

    def list(self, request: Request) -> Response:
        """The runs without a job of the caller's tenants, the newest first."""
        rows = self.scoped(_without_job(listed_executions()))
        return self.answer_page(narrowing.find_executions(rows, **self.filters), TaskSerializer)

    @extend_schema(responses=TaskDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One task with its result and its attempts. Its log is that of the execution with the same id."""
        return self._shown(int(pk))

    @extend_schema(
        request=TaskCreationSerializer,
        responses={202: TaskDetailSerializer},
        parameters=[TENANT_PARAMETER],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Queue one run of a template."""
        wishes = self.read_body(TaskCreationSerializer)
        tenant = self.tenant_to_write_to(wishes.pop("tenant", None))
        scheduled_at, dry_run = wishes.pop("scheduled_at", None), wishes.pop("dry_run")
        user_id = wishes.pop("user_id", None)
        refuse_without_broker()
        execution_id = submission.submit(
            wishes,
            tenant=tenant,
            actor=self.principal.label,
            request_id=self.request_id,
            scheduled_at=scheduled_at,
            dry_run=dry_run,
            user_id=user_id,
        )
        publisher.announce_soon([execution_id])
        answer = self._answer(_detailed().get(pk=execution_id), status.HTTP_202_ACCEPTED)
        answer.headers["Location"] = reverse("task-detail", args=[execution_id])
        return answer

    @extend_schema(request=None, responses={202: TaskDetailSerializer})
    def cancel(self, request: Request, pk: str) -> Response:
        """Ask for the end. What is queued ends at once; what runs learns of it with its next heartbeat."""
        task = self.find(_without_job(Execution.objects.only("id", "tenant_id")), pk)
        with self.unless_changed(task):
            executions.cancel(task.pk, by=self.principal.label, now=sql.now())
        return self._shown(task.pk, status.HTTP_202_ACCEPTED)

    def _shown(self, pk: int, code: int = status.HTTP_200_OK) -> Response:
        return self._answer(self.find(_detailed(), str(pk)), code)

    def _answer(self, task: Execution, code: int) -> Response:
        return Response(detail(task, TaskDetailSerializer).data, status=code)


def _without_job(rows: QuerySet[Execution]) -> QuerySet[Execution]:
    return rows.filter(job__isnull=True)


def _detailed() -> QuerySet[Execution]:
    return _without_job(in_detail(Execution.objects.all()))
