"""Jobs, their ticks, revisions and previews as the API shows them. Parameters never hold secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs import sealed
from jobs.api.forecast_output import CollisionsSerializer
from jobs.api.inputs import PolicySerializer, ScheduleSerializer
from jobs.models import Job, JobRevision, Tick
from jobs.rules.schedule import describe
from jobs.rules.states import PRIORITIES, PRIORITY_NAMES, TickOutcome
from scheduler_project.api.serializers import InstantField, ObjectField, RowSerializer
from templates_registry import schema

SCHEDULE_FIELDS = tuple(ScheduleSerializer().fields)
INSTANTS = ("anchor", "at", "start_at", "end_at")


@extend_schema_field({"type": "string", "enum": list(PRIORITIES)})
class PriorityField(serializers.Field[int, Any, str, Any]):
    def to_representation(self, value: int) -> str:
        return PRIORITY_NAMES[value]


def shown_schedule(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A stored schedule in the order of the document, with its instants as all others are written."""
    return {
        name: spec[name].replace("+00:00", "Z") if name in INSTANTS and isinstance(spec[name], str) else spec[name]
        for name in SCHEDULE_FIELDS
        if name in spec
    }


class JobSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    template = serializers.CharField(source="template.name", read_only=True)
    template_version = serializers.IntegerField(source="template.version", read_only=True)
    parameters = serializers.SerializerMethodField(help_text="Without secrets; `secrets_set` says which there are.")
    secrets_set = serializers.SerializerMethodField(
        help_text='Where secrets are stored, e.g. ["parameters.password"]. What they are, no answer says.'
    )
    schedule = serializers.SerializerMethodField()
    schedule_text = serializers.SerializerMethodField()
    policies = serializers.SerializerMethodField()
    priority = PriorityField(read_only=True)
    pool = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True, allow_null=True)
    owner = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)
    enabled = serializers.BooleanField(source="is_enabled", read_only=True)
    paused = serializers.BooleanField(source="is_paused", read_only=True)

    needs = {
        "parameters": ("parameters", "template__schema"),
        "secrets_set": ("parameters", "template__schema"),
        "schedule": ("spec",),
        "schedule_text": ("spec",),
        "policies": ("policy",),
        "paused": ("paused_at",),
    }

    class Meta:
        model = Job
        fields = [
            *("id", "tenant", "name", "slug", "description", "template", "template_version", "parameters"),
            "secrets_set",
            *("schedule", "schedule_text", "policies", "queue", "priority", "tags", "calendars", "pool", "owner"),
            *(
                "origin",
                "mode",
                "enabled",
                "paused",
                "paused_at",
                "paused_by",
                "pause_note",
                "paused_until",
                "archived_at",
            ),
            *("revision", "created_at"),
            *("updated_at", "next_tick_at", "fired_count", "problem", "last_execution_id", "last_status"),
            *("last_run_at", "last_finished_at", "failures_in_row"),
        ]
        read_only_fields = fields

    @extend_schema_field(ObjectField)
    def get_parameters(self, job: Job) -> Any:
        return schema.without_secrets(job.template.schema, job.parameters)

    def get_secrets_set(self, job: Job) -> list[str]:
        return sorted(sealed.secrets_by_place(job.template.schema, job.parameters))

    @extend_schema_field(ScheduleSerializer)
    def get_schedule(self, job: Job) -> dict[str, Any]:
        return shown_schedule(job.spec) if isinstance(job.spec, dict) else {}

    def get_schedule_text(self, job: Job) -> str:
        try:
            return describe(job.schedule)
        except Exception:  # noqa: BLE001  quarantined: `problem` says why
            return ""

    @extend_schema_field(PolicySerializer)
    def get_policies(self, job: Job) -> dict[str, Any]:
        try:
            return job.policies.to_json()
        except Exception:  # noqa: BLE001  quarantined as well
            return {}


class TickSerializer(RowSerializer):
    outcome = serializers.ChoiceField(choices=[outcome.value for outcome in TickOutcome], read_only=True)
    blocking_execution_id = serializers.IntegerField(source="blocking_id", read_only=True, allow_null=True)

    class Meta:
        model = Tick
        fields = (
            *("id", "due_at", "outcome", "reason", "blocking_execution_id", "execution_id", "revision", "epoch"),
            "decided_at",
        )
        read_only_fields = fields


# `schemas` in the context has the schema of each template version that a definition names.
class RevisionSerializer(RowSerializer):
    definition = serializers.SerializerMethodField()

    class Meta:
        model = JobRevision
        fields = ("number", "valid_from", "change", "note", "actor", "definition", "engine_version", "tzdata_version")
        read_only_fields = fields

    @extend_schema_field(ObjectField)
    def get_definition(self, revision: JobRevision) -> dict[str, Any]:
        stored = revision.definition
        known = self.context["schemas"].get((stored["template"], stored["template_version"]))
        return {
            **stored,
            "parameters": schema.without_secrets(known, stored["parameters"]) if known is not None else {},
            "schedule": shown_schedule(stored["schedule"]),
        }


class DueSerializer(serializers.Serializer[Any]):
    due_at = InstantField(read_only=True)
    local = serializers.SerializerMethodField(help_text="The same instant on the schedule's wall clock.")

    @extend_schema_field({"type": "string", "format": "date-time"})
    def get_local(self, due: Any) -> str:
        return str(due.local.isoformat())


class ClockChangeSerializer(serializers.Serializer[Any]):
    at = InstantField(read_only=True)
    kind = serializers.ChoiceField(choices=["gap", "fold"], read_only=True)
    effect = serializers.ChoiceField(
        choices=["shifted", "skipped", "first", "second", "both", "real_time"], read_only=True
    )
    wall_times = serializers.IntegerField(read_only=True, help_text="How many of the schedule's times are touched.")
    due = serializers.ListField(child=InstantField(), read_only=True)
    text = serializers.CharField(read_only=True)


class PreviewSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(read_only=True, help_text="The schedule in words.")
    timezone = serializers.CharField(read_only=True)
    ticks = DueSerializer(many=True, read_only=True)
    clock_changes = ClockChangeSerializer(many=True, read_only=True)


class SkippedSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(read_only=True, help_text="What the tick's row will say.")
    by = serializers.CharField(read_only=True, help_text="Who set what skips it, when that is known.")
    text = serializers.CharField(read_only=True)
    until = InstantField(source="clears_at", read_only=True, allow_null=True)


class NextTickSerializer(DueSerializer):
    skipped = SkippedSerializer(
        read_only=True, allow_null=True, help_text="The maintenance, pause or calendar that will skip it."
    )


class AdviceSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(
        read_only=True, choices=("ended", "first_run", "short_months", "clocks", "overlap", "crowd")
    )
    text = serializers.CharField(read_only=True)
    fix = ObjectField(read_only=True, help_text="Values of the schedule that would mend it, where there are any.")


# `collisions`, `advice` and `ticks_per_day` stand in the context.
class SchedulePreviewOutputSerializer(PreviewSerializer):
    ticks_per_day = serializers.SerializerMethodField(help_text="In the next 24 hours; 1,001 stands for more.")
    advice = serializers.SerializerMethodField(help_text="What is allowed, but perhaps not meant.")
    collisions = serializers.SerializerMethodField(help_text="Null when nothing is due any more.")

    def get_ticks_per_day(self, _: Any) -> int:
        return int(self.context["ticks_per_day"])

    @extend_schema_field(AdviceSerializer(many=True))
    def get_advice(self, _: Any) -> Any:
        return AdviceSerializer(self.context["advice"], many=True).data

    @extend_schema_field(CollisionsSerializer(allow_null=True))
    def get_collisions(self, _: Any) -> Any:
        found = self.context["collisions"]
        return None if found is None else CollisionsSerializer(found).data


class JobPreviewSerializer(PreviewSerializer):
    """`ticks` shows what the schedule says, and what would be skipped; `holds_back` tells why none would run."""

    ticks = NextTickSerializer(many=True, read_only=True)
    holds_back = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "enum": ["", "archived", "disabled", "paused"]})
    def get_holds_back(self, _: Any) -> str:
        job: Job = self.context["job"]
        if job.archived_at is not None:
            return "archived"
        if not job.is_enabled:
            return "disabled"
        return "paused" if job.is_paused else ""
