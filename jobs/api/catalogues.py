"""`/api/v1/scheduler/job-types` and `/task-functions`: what jobs can be made of. Only superusers change it."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Tenant
from accounts.scopes import Scope
from jobs.api.base import EngineViewSet
from scheduler_project.api.errors import Conflict, Invalid
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.principal import Principal
from scheduler_project.api.refusals import require_superuser
from scheduler_project.api.serializers import (
    ObjectField,
    RowSerializer,
    StrictSerializer,
    TextField,
    TrueOrFalseField,
)
from templates_registry import catalogues
from templates_registry.catalogues import EntryIsBuiltIn, InvalidEntry
from templates_registry.models import JobType, TaskFunction

NAME_OR_PART = "Part of a name or description."
READS_AND_WRITES = {
    **dict.fromkeys(("list", "retrieve"), Scope.SCHEDULER_READ),
    **dict.fromkeys(("create", "partial_update", "destroy"), Scope.SCHEDULER_WRITE),
}


class CatalogueParameters(StrictSerializer):
    enabled = serializers.BooleanField(required=False)
    q = serializers.CharField(required=False, help_text=NAME_OR_PART)


class JobTypeSerializer(RowSerializer):
    fields = ObjectField(read_only=True, help_text="JSON Schema of `schedule_config`.")  # type: ignore[assignment]
    defaults = ObjectField(read_only=True)

    class Meta:
        model = JobType
        fields = (
            *("id", "name", "title", "description", "kind", "fields", "defaults", "is_enabled", "is_builtin"),
            "created_at",
        )
        read_only_fields = fields


class JobTypeChangeSerializer(StrictSerializer):
    title = TextField(required=False, max_length=200)
    description = TextField(required=False, allow_blank=True, max_length=10_000)
    kind = serializers.ChoiceField(choices=JobType.Kind.values, required=False)
    fields = ObjectField(required=False)  # type: ignore[assignment]
    defaults = ObjectField(required=False)
    is_enabled = TrueOrFalseField(required=False)


class JobTypeCreationSerializer(JobTypeChangeSerializer):
    name = serializers.RegexField(r"^[a-z0-9][a-z0-9_-]{0,59}$", help_text="What bodies call it.")
    title = TextField(max_length=200)
    kind = serializers.ChoiceField(choices=JobType.Kind.values)
    fields = ObjectField()


class TaskFunctionSerializer(RowSerializer):
    argument_schema = ObjectField(read_only=True, help_text="JSON Schema of the keyword arguments.")
    tenants = serializers.SerializerMethodField(help_text="Those of the caller that may choose it.")

    class Meta:
        model = TaskFunction
        fields = (
            *("id", "name", "description", "argument_schema", "queue", "for_all_tenants", "tenants", "is_enabled"),
            "created_at",
        )
        read_only_fields = fields

    def get_tenants(self, entry: TaskFunction) -> list[str]:
        return sorted(tenant.slug for tenant in entry.tenants.all())


class TaskFunctionChangeSerializer(StrictSerializer):
    description = TextField(required=False, allow_blank=True, max_length=10_000)
    argument_schema = ObjectField(required=False)
    queue = TextField(required=False, allow_blank=True, max_length=200)
    for_all_tenants = TrueOrFalseField(required=False)
    tenants = serializers.ListField(child=TextField(max_length=63), max_length=1_000, required=False)
    is_enabled = TrueOrFalseField(required=False)


class TaskFunctionCreationSerializer(TaskFunctionChangeSerializer):
    name = TextField(max_length=200, help_text="The name of a Celery task, such as reports.tasks.build.")


class CatalogueViewSet(EngineViewSet):
    required_scopes = READS_AND_WRITES
    parameters = {"list": CatalogueParameters}
    errors = {action: {409: "The entry is built in."} for action in ("partial_update", "destroy")}
    noun = "entry"

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, InvalidEntry):
            exc = Invalid(exc.fields)
        elif isinstance(exc, EntryIsBuiltIn):
            exc = Conflict(str(exc), code="entry_is_built_in")
        return super().handle_exception(exc)

    def find(self, rows: QuerySet[Any], pk: str) -> Any:
        found = rows.filter(pk=int(pk)).first()
        if found is None:
            raise NotFound(f"There is no {self.noun} {pk}.")
        return found

    def narrowed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if "enabled" in self.filters:
            rows = rows.filter(is_enabled=self.filters["enabled"])
        if text := self.filters.get("q"):
            rows = rows.filter(Q(name__icontains=text) | Q(description__icontains=text))
        return rows

    def require_superuser(self) -> None:
        require_superuser(self.principal, "The catalogues stand for all tenants, so only superusers change them")


class JobTypeViewSet(CatalogueViewSet):
    noun = "job type"
    serializer_class = JobTypeSerializer
    operation_ids = {
        "list": "list_job_types",
        "retrieve": "get_job_type",
        "create": "create_job_type",
        "partial_update": "change_job_type",
        "destroy": "delete_job_type",
    }

    def list(self, request: Request) -> Response:
        """The ways in which a job can be due, each with the fields of its `schedule_config`."""
        return self.answer_page(self.narrowed(JobType.objects.all()), JobTypeSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One of them."""
        return self._answer(self.find(JobType.objects.all(), pk))

    @extend_schema(request=JobTypeCreationSerializer, responses={201: JobTypeSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """A name of its own for a kind of schedule, with what `schedule_config` says unless told."""
        self.require_superuser()
        values = self.read_body(JobTypeCreationSerializer)
        return self._answer(catalogues.save_job_type(JobType(), values, actor=self.principal.label), 201)

    @extend_schema(request=JobTypeChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields that the body names. Jobs keep the schedules that they have."""
        self.require_superuser()
        entry = self.find(JobType.objects.all(), pk)
        values = self.read_body(JobTypeChangeSerializer)
        return self._answer(catalogues.save_job_type(entry, values, actor=self.principal.label))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Take one off the catalogue. Jobs keep the schedules that they have."""
        self.require_superuser()
        catalogues.remove_job_type(self.find(JobType.objects.all(), pk), actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _answer(self, entry: JobType, code: int = 200) -> Response:
        return Response(JobTypeSerializer(entry).data, status=code)


class TaskFunctionViewSet(CatalogueViewSet):
    noun = "task function"
    serializer_class = TaskFunctionSerializer
    operation_ids = {
        "list": "list_task_functions",
        "retrieve": "get_task_function",
        "create": "create_task_function",
        "partial_update": "change_task_function",
        "destroy": "delete_task_function",
    }

    def list(self, request: Request) -> Response:
        """The Celery tasks that jobs of the caller's tenants may send."""
        return self.answer_page(self.narrowed(_visible_to(self.principal)), TaskFunctionSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One of them."""
        return self._shown(int(pk))

    @extend_schema(request=TaskFunctionCreationSerializer, responses={201: TaskFunctionSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Let jobs send a task. Daybook's own and Celery's can never be listed."""
        self.require_superuser()
        values = self.read_body(TaskFunctionCreationSerializer)
        entry = catalogues.save_task_function(TaskFunction(), values, actor=self.principal.label)
        return self._shown(entry.pk, 201)

    @extend_schema(request=TaskFunctionChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields that the body names; `tenants` as a whole."""
        self.require_superuser()
        entry = self.find(TaskFunction.objects.all(), pk)
        catalogues.save_task_function(entry, self.read_body(TaskFunctionChangeSerializer), actor=self.principal.label)
        return self._shown(entry.pk)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Take a task off the list: no job can be made to send it any more."""
        self.require_superuser()
        entry = self.find(TaskFunction.objects.all(), pk)
        catalogues.remove_task_function(entry, actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _shown(self, pk: int, code: int = 200) -> Response:
        return Response(TaskFunctionSerializer(self.find(_visible_to(self.principal), str(pk))).data, status=code)


def _visible_to(principal: Principal) -> QuerySet[TaskFunction]:
    """Whoever is no superuser learns of no other tenant, not even by the name of who else may choose a task."""
    ids = principal.tenant_ids(Scope.SCHEDULER_READ)
    if ids is None:
        return TaskFunction.objects.prefetch_related("tenants")
    rows = TaskFunction.objects.filter(Q(for_all_tenants=True) | Q(tenants__in=ids)).distinct()
    return rows.prefetch_related(Prefetch("tenants", Tenant.objects.filter(pk__in=ids)))
