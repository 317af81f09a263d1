"""`/api/v1/jobs/export` and `/api/v1/jobs/import`: jobs as one JSON document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import narrowing, transfer
from jobs.api.base import TenantEngineViewSet, may_run_sub_minute
from jobs.api.parameters import JobParameters
from jobs.models import Job
from jobs.transfer import MODES, MOST_JOBS, Item
from scheduler_project.api.bounds import IMPORT
from scheduler_project.api.errors import Invalid
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import (
    AnyJSONField,
    IdsParameter,
    ObjectField,
    StrictSerializer,
    TextField,
    TrueOrFalseField,
)
from scheduler_project.api.views import TENANT_PARAMETER


class ExportParameters(JobParameters):
    ids = IdsParameter("jobs", MOST_JOBS, help_text="These jobs, separated by commas, instead of those of a filter.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "ids" in attrs and len(attrs) > 1:
            raise serializers.ValidationError({"ids": "Write ids or a filter, not both."})
        if attrs.get("archived"):
            raise serializers.ValidationError({"archived": "Archived jobs are history and are not exported."})
        return attrs


class ImportSerializer(StrictSerializer):
    document = ObjectField(help_text="An export; see docs/import-export.md.")
    mode = serializers.ChoiceField(
        choices=list(MODES),
        default="update",
        help_text="`create_only` leaves what is there alone; `mirror` also archives what the document does not name.",
    )
    plan_only = TrueOrFalseField(default=False, help_text="Say what would come of it, and change nothing.")
    plan_hash = TextField(
        required=False, default="", max_length=64, help_text="Of the plan that was looked at: refused when it is stale."
    )
    partial = TrueOrFalseField(  # type: ignore[assignment]
        default=False, help_text="Leave out what is refused, instead of doing nothing at all."
    )
    note = TextField(required=False, default="", allow_blank=True, max_length=500, help_text="Why, for the revisions.")
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class ChangeSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(read_only=True)
    before = AnyJSONField(read_only=True)
    after = AnyJSONField(read_only=True)


class ItemSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["calendar", "pool", "job", "dependency"], read_only=True)
    name = serializers.CharField(read_only=True, help_text="Its short name; of a dependency those of its ends.")
    action = serializers.ChoiceField(
        choices=["create", "change", "leave", "archive", "remove", "refuse"], read_only=True
    )
    changes = ChangeSerializer(many=True, read_only=True)
    problems = serializers.SerializerMethodField(help_text="Of what is refused: messages by field.")
    note = serializers.CharField(read_only=True)

    def get_problems(self, item: Item) -> dict[str, list[str]]:
        return dict(item.problems or {})


class OutcomeSerializer(serializers.Serializer[Any]):
    is_applied = serializers.BooleanField(read_only=True, help_text="False for a plan.")
    plan_hash = serializers.CharField(read_only=True)
    items = ItemSerializer(many=True, read_only=True)


class ExportViewSet(TenantEngineViewSet):
    noun = "job"
    queryset = Job.objects.none()
    required_scopes = {"export": Scope.SCHEDULER_READ}
    operation_ids = {"export": "export_jobs"}
    parameters = {"export": ExportParameters}
    errors = {"export": {404: "There is no job with one of the `ids`."}}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def export(self, request: Request) -> Response:
        """Jobs of one tenant, with the calendars, pools and dependencies that they name, as one document without
        secrets. The same state always makes the same bytes."""
        rows = Job.objects.select_related("template", "tenant", "pool")
        if "ids" in self.filters:
            jobs = [self.find(rows, str(pk)) for pk in self.filters["ids"]]
        else:
            jobs = list(narrowing.find_jobs(self.scoped(rows), **self.filters)[: MOST_JOBS + 1])
        _refuse(jobs)
        answer = Response(transfer.export(jobs))
        slug = jobs[0].tenant.slug if jobs else "none"
        answer.headers["Content-Disposition"] = f'attachment; filename="daybook-jobs-{slug}.json"'
        return answer


def _refuse(jobs: list[Job]) -> None:
    if len(jobs) > MOST_JOBS:
        raise Invalid({"": [f"More than {MOST_JOBS} jobs are meant, the most of one document. Narrow them down."]})
    if len({job.tenant_id for job in jobs}) > 1:
        slugs = ", ".join(sorted({job.tenant.slug for job in jobs})[:20])
        raise Invalid({"tenant": [f"A document is of one tenant; name one of {slugs}."]})
    if archived := [job.slug for job in jobs if job.archived_at is not None]:
        raise Invalid({"ids": [f"Archived jobs are history and are not exported: {', '.join(archived[:10])}."]})


class ImportViewSet(TenantEngineViewSet):
    queryset = Job.objects.none()
    serializer_class = OutcomeSerializer
    required_scopes = {"apply": Scope.SCHEDULER_WRITE}
    operation_ids = {"apply": "import_jobs"}
    bounds = {"apply": IMPORT}
    errors = {"apply": {409: "The plan of `plan_hash` is stale; nothing was done."}}

    @extend_schema(
        request=ImportSerializer,
        responses=OutcomeSerializer,
        parameters=[TENANT_PARAMETER],
    )
    @idempotent
    def apply(self, request: Request) -> Response:
        """Bring a document into a tenant, all of it or nothing. With `plan_only`, say what would come of it."""
        wishes = self.read_body(ImportSerializer)
        user = self.principal.user
        outcome = transfer.import_jobs(
            wishes.pop("document"),
            tenant=self.tenant_to_write_to(wishes.pop("tenant", None)),
            actor=self.principal.label,
            owner_id=user.pk if user else None,
            may_run_sub_minute=may_run_sub_minute(self.principal),
            **wishes,
        )
        if not outcome.is_applied and not wishes["plan_only"]:
            raise Invalid(_problems(outcome.items))
        return Response(OutcomeSerializer(outcome).data)


def _problems(items: tuple[Item, ...]) -> dict[str, list[str]]:
    """By kind, name and field: `job.clean-up.schedule.cron`."""
    told = [
        (f"{item.kind}.{item.name}{f'.{path}' if path else ''}", messages)
        for item in items
        for path, messages in (item.problems or {}).items()
    ]
    return dict(told[:100])
