"""`/api/v1/jobs/validate`: what a new job would be and when it would run, before there is one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Tenant
from accounts.scopes import Scope
from jobs import outlook, registry
from jobs.api.base import TenantEngineViewSet, may_run_sub_minute, split_body
from jobs.api.inputs import CreationOptionsSerializer, JobCreationSerializer
from jobs.api.job_output import NextTickSerializer, shown_schedule
from jobs.definition import Definition
from jobs.models import Job, Worker
from jobs.outlook import Outlook
from jobs.rules.schedule import describe
from scheduler_project.api.serializers import ObjectField
from scheduler_project.api.views import TENANT_PARAMETER
from scheduler_project.lib import sql
from templates_registry import schema

SHOWN = 5


class ValidationSerializer(serializers.Serializer[Any]):
    definition = serializers.SerializerMethodField(help_text="With every default, and without secrets.")
    schedule_text = serializers.CharField(read_only=True, help_text="The schedule in words.")
    ticks = NextTickSerializer(many=True, read_only=True, help_text="The next five, and what would skip them.")
    warnings = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="What is allowed, but perhaps not meant."
    )

    @extend_schema_field(ObjectField)
    def get_definition(self, told: dict[str, Any]) -> Any:
        new: Definition = told["new"]
        data = new.to_json()
        data["parameters"] = schema.without_secrets(new.template.schema, data["parameters"])
        return {**data, "schedule": shown_schedule(data["schedule"]), "enabled": told["enabled"]}


class ValidationViewSet(TenantEngineViewSet):
    queryset = Job.objects.none()
    serializer_class = ValidationSerializer
    required_scopes = {"validate": Scope.SCHEDULER_WRITE}
    operation_ids = {"validate": "validate_job"}

    @extend_schema(
        request=JobCreationSerializer,
        responses=ValidationSerializer,
        parameters=[TENANT_PARAMETER],
    )
    def validate(self, request: Request) -> Response:
        """Judge what would make a job, by the rules of its creation, and store nothing."""
        options, data = split_body(request, CreationOptionsSerializer)
        tenant = self.tenant_to_write_to(options.get("tenant"))
        now = sql.now()
        new = registry.judge(data, tenant=tenant, now=now, may_run_sub_minute=may_run_sub_minute(self.principal))
        found = outlook.of_spec(new.schedule, now=now, count=SHOWN, tenant_id=tenant.pk, calendars=new.calendars)
        warnings = list(_warnings(new, found, tenant, enabled=options["enabled"], now=now))
        told = {
            "new": new,
            "enabled": options["enabled"],
            "schedule_text": describe(new.schedule),
            "ticks": found.ticks,
            "warnings": warnings,
        }
        return Response(ValidationSerializer(told).data)


def _warnings(new: Definition, found: Outlook, tenant: Tenant, *, enabled: bool, now: datetime) -> Iterator[str]:
    if not enabled:
        yield "It will not be enabled: nothing is due until somebody enables it."
    if not found.ticks and new.schedule.kind != "manual":
        yield "Nothing is due any more by this schedule."
    if found.ticks and all(tick.skipped for tick in found.ticks):
        yield f"All of the next {len(found.ticks)} ticks would be skipped."
    yield from (f"{note.text}" for note in found.clock_changes)
    if Job.objects.filter(tenant=tenant, name=new.name, archived_at=None).exists():
        yield f"Another job has the name {new.name} already."
    if not Worker.objects.filter(stopped_at=None, queues__contains=[new.queue]).exists():
        yield f"No worker takes runs from the queue {new.queue} now."
    if new.schedule.start_at is not None and new.schedule.start_at < now:
        yield "It starts in the past; nothing that was due before its creation runs."
