"""The paths that clients of other schedulers know. Each is one of the API's own views under another name, which reads
their words and answers in them; docs/aliases.md has the table."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

from django.db import transaction
from django.db.models import Model
from django.urls import URLPattern
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Tenant
from accounts.scopes import Scope
from jobs.api.executions import ExecutionViewSet
from jobs.api.families import (
    ADMIN,
    UI,
    Family,
    FamilyExecutionDetailSerializer,
    FamilyExecutionSerializer,
    FamilyJobSerializer,
    ReadJob,
    read_job,
    read_run,
    show_execution,
    show_job,
)
from jobs.api.families.bodies import CELERY_TASK
from jobs.api.families.parameters import (
    AdminJobRunParameters,
    AdminRunParameters,
    FamilyJobParameters,
    UiRunParameters,
)
from jobs.api.inputs import RunSerializer
from jobs.api.job_history import JobHistoryViewSet
from jobs.api.jobs import JobViewSet
from jobs.api.runtime import RuntimeViewSet
from jobs.models import Job
from notifications.api.inbox import InboxPagination, NotificationViewSet
from notifications.api.inbox_input import NotificationCreationSerializer
from notifications.api.inbox_output import CountSerializer, NotificationSerializer
from scheduler_project.api import refusals
from scheduler_project.api.errors import Invalid
from scheduler_project.api.pagination import EnvelopePagination
from scheduler_project.api.routing import ID, route
from scheduler_project.api.serializers import StrictSerializer, WholeNumberField
from scheduler_project.api.views import ApiViewSet

TAGS = ["compatibility"]
Action = TypeVar("Action", bound=Callable[..., Response])


class Translated(ApiViewSet):
    """Between a client's words and the canonical view that comes after this class."""

    family: ClassVar[Family]

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        return body

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in ("POST", "PUT", "PATCH") and isinstance(request.data, dict):
            request._full_data = self.read(request.data)  # type: ignore[attr-defined]

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        data = getattr(response, "data", None)
        if isinstance(data, Mapping) and status.is_success(response.status_code):
            items = getattr(self.pagination_class, "items", "results")
            if self.action in self.paged:
                response.data = {**data, items: [self._translated(row) for row in data[items]]}
            else:
                response.data = self._translated(data)
        return super().finalize_response(request, response, *args, **kwargs)

    def _translated(self, row: Mapping[str, Any]) -> dict[str, Any]:
        show = show_execution if "run_key" in row else show_job
        return show(row, self.family)


def _told(action: Action, **schema: Any) -> Action:
    """The same action, described anew."""

    @functools.wraps(action)
    def method(view: object, *args: Any, **kwargs: Any) -> Response:
        return action(view, *args, **kwargs)

    method.kwargs = dict(getattr(action, "kwargs", {}))  # type: ignore[attr-defined]
    return extend_schema(tags=TAGS, **schema)(method)  # type: ignore[return-value]


class PagePagination(EnvelopePagination):
    """The envelope with the rows under a name of their own, and which page it is."""

    items: ClassVar[str] = "results"

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(None)
        envelope = {name: value for name, value in response.data.items() if name != "results"}
        page = {"page": self.offset // self.limit + 1, "per_page": self.limit}
        return Response({**envelope, **page, self.items: data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        found = super().get_paginated_response_schema(schema)
        properties = {name: part for name, part in found["properties"].items() if name != "results"}
        number = {"type": "integer", "minimum": 1, "example": 1}
        properties |= {"page": number, "per_page": number, self.items: schema}
        return {**found, "required": list(properties), "properties": properties}


class JobsPagination(PagePagination):
    items = "jobs"


class ExecutionsPagination(PagePagination):
    items = "executions"


# --- jobs -------------------------------------------------------------------------------------------------------------


class JobAliases(Translated, JobViewSet):
    """A change names a part of what a job has, so PUT changes what its body names, as PATCH does."""

    parameters = {"list": FamilyJobParameters}
    run = _told(JobViewSet.run, request=RunSerializer, responses={202: FamilyExecutionSerializer})
    _is_judged = False

    @contextmanager
    def unless_changed(self, row: Model, *, says_so_elsewhere: bool = False) -> Iterator[None]:
        """A body that says several things is judged once, before the first of them: the row stays locked."""
        if self._is_judged:
            yield
            return
        with super().unless_changed(row, says_so_elsewhere=says_so_elsewhere):
            self._is_judged = True
            yield

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        pk = self.kwargs.get("pk")
        current = _celery_task(pk) if pk else ""
        return read_run(body, current_task=current) if self.action == "run" else read_job(body, current_task=current)

    def update(self, request: Request, pk: str) -> Response:
        """Change what the body names; `is_enabled` puts the schedule in force or takes it out."""
        return self.partial_update(request, pk)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what the body names; `is_enabled` puts the schedule in force or takes it out."""
        body: Any = request.data
        wanted = body.pop("enabled", None) if isinstance(body, dict) else None
        if wanted is not None and not isinstance(wanted, bool):
            raise Invalid({"is_enabled": ["Write true or false."]})
        if wanted is None:
            return super().partial_update(request, pk)
        job = self.find(Job.objects.only("id", "tenant_id"), pk)
        with transaction.atomic(), self.unless_changed(job, says_so_elsewhere="expected_revision" in body):
            response = super().partial_update(request, pk) if body else self.retrieve(request, pk)
            if response.data["enabled"] == wanted:
                return response
            note = {"note": body["note"]} if "note" in body else {}
            request._full_data = note  # type: ignore[attr-defined]
            return self.enable(request, pk) if wanted else self.disable(request, pk)


def _celery_task(pk: str) -> str:
    """The task that the job sends. Only for reading the body: who may see the job is judged later."""
    job = Job.objects.filter(pk=int(pk), template__name=CELERY_TASK).only("parameters").first()
    return str(job.parameters.get("task", "")) if job else ""


def _described(job: type[FamilyJobSerializer] = FamilyJobSerializer) -> Any:
    """How the actions of jobs are told in the OpenAPI document."""
    changes = extend_schema(request=ReadJob, responses=job, tags=TAGS)
    return extend_schema_view(
        list=extend_schema(responses=job(many=True), tags=TAGS),
        retrieve=extend_schema(responses=job, tags=TAGS),
        create=extend_schema(request=ReadJob, responses={201: job}, tags=TAGS),
        update=changes,
        partial_update=changes,
        destroy=extend_schema(responses={204: None}, tags=TAGS),
    )


def _ids(family: str, operation_ids: Mapping[str, str]) -> dict[str, str]:
    return {action: f"{family}_{name}" for action, name in operation_ids.items()}


class NamedJob(StrictSerializer):
    id = WholeNumberField(min_value=1, max_value=2**63 - 1, help_text="Of the job.")


class ReadNamedJob(NamedJob, ReadJob):
    pass


class IdParameters(StrictSerializer):
    id = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="Of the job.")


@_described()
class UiJobs(JobAliases):
    family = UI
    required_scopes = {
        **JobViewSet.required_scopes,
        **dict.fromkeys(("update_named", "destroy_named"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {
        **_ids("ui", JobViewSet.operation_ids),
        "update_named": "ui_change_named_job",
        "destroy_named": "ui_archive_named_job",
    }

    parameters = {"list": FamilyJobParameters, "destroy_named": IdParameters}
    errors = {
        **JobViewSet.errors,
        "update_named": {404: "There is no such job.", **JobViewSet.errors["update"]},
        "destroy_named": {404: "There is no such job.", **JobViewSet.errors["destroy"]},
    }

    @extend_schema(request=ReadNamedJob, responses=FamilyJobSerializer, tags=TAGS)
    def update_named(self, request: Request) -> Response:
        """As PUT on the path of the job that `id` names."""
        number = request.data.pop("id", None) if isinstance(request.data, dict) else None
        reader = NamedJob(data={} if number is None else {"id": number})
        reader.is_valid(raise_exception=True)
        return self.update(request, str(reader.validated_data["id"]))

    @extend_schema(responses={204: None}, tags=TAGS)
    def destroy_named(self, request: Request) -> Response:
        """As DELETE on the path of the job that `id` names."""
        return self.destroy(request, str(self.filters["id"]))


@_described()
class Schedules(JobAliases):
    family = ADMIN
    operation_ids = _ids("schedules", JobViewSet.operation_ids)


@_described()
class AdminJobs(JobAliases):
    family = ADMIN
    operation_ids = _ids("admin", JobViewSet.operation_ids)


class SchedulerJobSerializer(FamilyJobSerializer):
    """Listed under `jobs`."""


class SchedulerExecutionSerializer(FamilyExecutionSerializer):
    """Listed under `executions`."""


@_described(SchedulerJobSerializer)
class SchedulerJobs(JobAliases):
    family = ADMIN
    operation_ids = _ids("scheduler", JobViewSet.operation_ids)
    pagination_class = JobsPagination


# --- runs -------------------------------------------------------------------------------------------------------------

_runs = extend_schema_view(
    list=extend_schema(responses=FamilyExecutionSerializer(many=True), tags=TAGS),
    retrieve=extend_schema(responses=FamilyExecutionDetailSerializer, tags=TAGS),
)


@_runs
class UiRuns(Translated, ExecutionViewSet):
    family = UI
    operation_ids = _ids("ui", ExecutionViewSet.operation_ids)
    parameters = {"list": UiRunParameters}


@_runs
class AdminExecutions(Translated, ExecutionViewSet):
    family = ADMIN
    parameters: ClassVar[dict[str, type[StrictSerializer]]] = {}
    operation_ids = _ids("admin", ExecutionViewSet.operation_ids)


@extend_schema_view(
    list=extend_schema(responses=SchedulerExecutionSerializer(many=True), tags=TAGS),
    retrieve=extend_schema(responses=FamilyExecutionDetailSerializer, tags=TAGS),
)
class SchedulerExecutions(Translated, ExecutionViewSet):
    family = ADMIN
    operation_ids = _ids("scheduler", ExecutionViewSet.operation_ids)
    parameters = {"list": AdminRunParameters}
    pagination_class = ExecutionsPagination


class AdminJobExecutions(Translated, JobHistoryViewSet):
    family = ADMIN
    executions = _told(JobHistoryViewSet.executions, responses=FamilyExecutionSerializer(many=True))
    operation_ids = _ids("admin", JobHistoryViewSet.operation_ids)
    parameters = {"executions": AdminJobRunParameters}


# --- notifications ----------------------------------------------------------------------------------------------------


class UiNotificationCreation(NotificationCreationSerializer):
    tenant_id = WholeNumberField(min_value=1, max_value=2**63 - 1, required=False, allow_null=True)


@extend_schema_view(
    list=extend_schema(responses=NotificationSerializer(many=True), tags=TAGS),
    create=extend_schema(request=UiNotificationCreation, responses={201: NotificationSerializer}, tags=TAGS),
)
class UiNotifications(Translated, NotificationViewSet):
    """The names are the same; a tenant may be named by its number too."""

    family = UI
    pagination_class = InboxPagination
    operation_ids = _ids("ui", NotificationViewSet.operation_ids)
    mark_read = _told(NotificationViewSet.mark_read, responses=NotificationSerializer)
    clear = _told(NotificationViewSet.clear, responses={200: CountSerializer})

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.action != "create" or "tenant_id" not in body:
            return body
        number = UiNotificationCreation(data=body, partial=True)
        number.is_valid(raise_exception=True)
        wanted = number.validated_data["tenant_id"]
        others = {name: value for name, value in body.items() if name != "tenant_id"}
        if wanted is None or "tenant" in others:
            return others
        slug = Tenant.objects.filter(pk=wanted).values_list("slug", flat=True).first()
        if slug is None or not self.principal.is_member(wanted):
            raise refusals.of_tenant(self.principal, self.scope, slug=str(wanted), tenant_id=None)
        return {**others, "tenant": slug}

    def _translated(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return dict(row)


# --- routes -----------------------------------------------------------------------------------------------------------

# Each name ends with that of the canonical route which it stands for.
DETAIL = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}


def _jobs(path: str, family: str, viewset: type[JobAliases], **collection: str) -> list[URLPattern]:
    return [
        route(path, viewset, f"{family}-job-list", get="list", post="create", **collection),
        route(f"{path}/{ID}", viewset, f"{family}-job-detail", **DETAIL),
        route(f"{path}/{ID}/run", viewset, f"{family}-job-run", post="run"),
    ]


under_v1 = [
    *_jobs("ui/scheduler/jobs", "ui", UiJobs, put="update_named", delete="destroy_named"),
    route("ui/scheduler/runs", UiRuns, "ui-execution-list", get="list"),
    route("ui/notifications", UiNotifications, "ui-notification-list", get="list", post="create"),
    route("ui/notifications/clear", UiNotifications, "ui-notification-clear", delete="clear"),
    route(f"ui/notifications/{ID}/read", UiNotifications, "ui-notification-read", post="mark_read"),
    route("runtime/config", RuntimeViewSet, "runtime-config", get="config"),
    route("ui/settings/sections", RuntimeViewSet, "settings-sections", get="sections"),
]

under_api_v1 = [
    *_jobs("schedules", "schedules", Schedules),
    *_jobs("scheduler/jobs", "scheduler", SchedulerJobs),
    route("scheduler/executions", SchedulerExecutions, "scheduler-execution-list", get="list"),
    route(f"scheduler/executions/{ID}", SchedulerExecutions, "scheduler-execution-detail", get="retrieve"),
]

under_api_admin = [
    *_jobs("scheduler-jobs", "admin", AdminJobs),
    route(f"scheduler-jobs/{ID}/executions", AdminJobExecutions, "admin-job-executions", get="executions"),
    route(f"job-executions/{ID}", AdminExecutions, "admin-execution-detail", get="retrieve"),
]

OWN = {"runtime-config", "settings-sections"}
NAMES = {pattern.name for pattern in (*under_v1, *under_api_v1, *under_api_admin)} - OWN


def stands_for(method: str, name: str) -> tuple[str, str] | None:
    """Method and name of the canonical route; None for a route that is one itself."""
    if name not in NAMES:
        return None
    family, _, rest = name.partition("-")
    if (family, rest) == ("ui", "job-list") and method in ("put", "delete"):
        return ("patch" if method == "put" else method), "job-detail"
    return ("patch" if method == "put" else method), rest
