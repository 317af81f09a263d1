"""Bodies. What describes a job is read and judged by `jobs.definition`; for it, these only document the shape."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.backfill import MOST_AT_ONCE, OUTCOMES
from jobs.impact import ACTIONS, CHOICES
from jobs.rules import user_ids
from jobs.rules.dependency import LONGEST_PATIENCE
from jobs.rules.states import PRIORITIES, DependencyKind, EndCondition, FanIn, Misfire, OnLost, OnQueueFull, Overlap
from scheduler_project.api.serializers import (
    InstantField,
    ObjectField,
    StrictSerializer,
    TextField,
    TrueOrFalseField,
    WholeNumberField,
)

PREVIEWED = 5
MOST_PREVIEWED = 50


class ScheduleSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=["cron", "interval", "once", "manual"])
    timezone = serializers.CharField(required=False, help_text="IANA name, such as Europe/Berlin; UTC unless told.")
    cron = serializers.CharField(required=False, help_text="Of `cron`: five fields, at most 100 characters.")
    day_match = serializers.ChoiceField(
        choices=["all", "any"],
        required=False,
        help_text="Of `cron`: whether day of month and day of week must both match; needed when both are restricted.",
    )
    gap = serializers.ChoiceField(
        choices=["shift", "skip"],
        required=False,
        help_text="Of `cron`: what becomes of a time that the clocks leave out.",
    )
    fold = serializers.ChoiceField(
        choices=["first", "second", "both"],
        required=False,
        help_text="Of `cron`: which pass of a time that the clocks repeat is due.",
    )
    every_seconds = serializers.IntegerField(required=False, min_value=1, help_text="Of `interval`.")
    anchor = InstantField(required=False, help_text="Of `interval`: where counting starts.")
    at = InstantField(required=False, help_text="Of `once`.")
    spread_seconds = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=86_400,
        help_text="Of `cron` and `interval`: each job is late by the same part of this, so that not all run at once.",
    )
    spread_offset_seconds = serializers.IntegerField(
        required=False, help_text="Computed from `spread_seconds`; ignored when sent."
    )
    start_at = InstantField(required=False, help_text="Nothing is due before.")
    end_at = InstantField(required=False, help_text="Nothing is due from here on.")


class PolicySerializer(StrictSerializer):
    misfire = serializers.ChoiceField(choices=[value.value for value in Misfire], required=False)
    misfire_window_seconds = serializers.IntegerField(required=False, min_value=0)
    misfire_cap = serializers.IntegerField(required=False, min_value=1, max_value=1000)
    late_after_seconds = serializers.IntegerField(required=False, min_value=1)
    overlap = serializers.ChoiceField(choices=[value.value for value in Overlap], required=False)
    max_instances = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=1000)
    start_deadline_seconds = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    max_runs = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    pause_after_failures = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=1000,
        help_text="Failed runs in a row that pause the job.",
    )
    timeout_seconds = serializers.IntegerField(required=False, min_value=1)
    soft_timeout_seconds = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    run_lease_seconds = serializers.IntegerField(required=False, allow_null=True, min_value=2, max_value=900)
    max_retries = serializers.IntegerField(required=False, min_value=0, max_value=100)
    retry_base_seconds = serializers.FloatField(required=False, min_value=0)
    retry_multiplier = serializers.FloatField(required=False, min_value=1)
    retry_cap_seconds = serializers.FloatField(required=False, min_value=0)
    on_lost = serializers.ChoiceField(choices=[value.value for value in OnLost], required=False)
    on_queue_full = serializers.ChoiceField(choices=[value.value for value in OnQueueFull], required=False)
    requires_approval = serializers.BooleanField(required=False)
    fan_in = serializers.ChoiceField(
        choices=[value.value for value in FanIn],
        required=False,
        help_text="Of a job with several upstreams that trigger it: whether all of a flow start it, or the first.",
    )


class JobFieldsSerializer(StrictSerializer):
    name = serializers.CharField(max_length=200)
    slug = serializers.RegexField(
        r"^[a-z0-9][a-z0-9-]{0,99}$", required=False, help_text="Unique in the tenant; made of the name unless told."
    )
    description = serializers.CharField(max_length=10_000, required=False)
    template = serializers.CharField(help_text="The name of a template.")
    template_version = serializers.IntegerField(required=False, help_text="The newest unless told.")
    parameters = ObjectField(required=False, help_text="As the template's schema says; secrets left out are kept.")
    schedule = ScheduleSerializer()
    policies = PolicySerializer(required=False)
    queue = serializers.CharField(max_length=100, required=False)
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=50), max_length=20, required=False)
    pool = TextField(
        required=False,
        max_length=60,
        allow_null=True,
        help_text="Short name of a pool of the tenant: its runs share the slots of it with those of other jobs.",
    )
    calendars = serializers.ListField(
        child=serializers.CharField(max_length=60),
        max_length=10,
        required=False,
        help_text="Short names of calendars of the tenant: ticks that one of them leaves out are skipped.",
    )
    owner = TextField(
        required=False,
        max_length=150,
        allow_null=True,
        help_text="Name of a user who is a member of the tenant. Who creates the job, unless told; it stays in a PUT.",
    )


class CreationOptionsSerializer(StrictSerializer):
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )
    enabled = TrueOrFalseField(default=True)


MISSED_HELP = (
    "What to do with what did not run before: `none` of it, the `last` one, or `all`, as a backfill one after another. "
    "Other values than `none` need the scope scheduler:run as well."
)


class ChangeOptionsSerializer(StrictSerializer):
    note = TextField(required=False, default="", allow_blank=True, max_length=500, help_text="Why, for the revision.")
    expected_revision = WholeNumberField(
        required=False, min_value=1, help_text="The change is refused when the job is at another revision by now."
    )
    missed = serializers.ChoiceField(
        choices=CHOICES, default="none", help_text=f"For a `start_at` in the past. {MISSED_HELP}"
    )


class JobCreationSerializer(CreationOptionsSerializer, JobFieldsSerializer):
    pass


class JobChangeSerializer(ChangeOptionsSerializer, JobFieldsSerializer):
    pass


class ImpactOptionsSerializer(ChangeOptionsSerializer):
    action = serializers.ChoiceField(
        choices=list(ACTIONS), required=False, help_text="Instead of a changed definition."
    )
    until = InstantField(required=False, allow_null=True, help_text="Of `pause`.")
    restore = WholeNumberField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="Instead: the revision that would be brought back."
    )


class JobImpactSerializer(ImpactOptionsSerializer, JobFieldsSerializer):
    pass


class NoteSerializer(StrictSerializer):
    note = TextField(required=False, default="", allow_blank=True, max_length=500, help_text="Why, for the revision.")


class CatchingUpSerializer(NoteSerializer):
    missed = serializers.ChoiceField(choices=CHOICES, default="none", help_text=MISSED_HELP)


class PauseSerializer(NoteSerializer):
    until = InstantField(
        required=False,
        allow_null=True,
        default=None,
        help_text="From here on ticks fire again, by themselves. None: until somebody resumes the job.",
    )


@extend_schema_field({"type": ["integer", "string"], "maxLength": user_ids.MOST, "examples": [42, "42"]})
class UserIdField(serializers.Field[Any, Any, Any, Any]):
    """A number, a text, a UUID in any spelling, or null."""

    def __init__(self) -> None:
        text = "Whom the run is for, in the client's own numbering; it is kept and shown as one text."
        super().__init__(required=False, allow_null=True, help_text=text)

    def to_internal_value(self, data: Any) -> str | None:
        try:
            return user_ids.canonical(data)
        except user_ids.InvalidUserId as error:
            raise serializers.ValidationError(str(error)) from None

    def to_representation(self, value: Any) -> Any:
        return value


class RunSerializer(StrictSerializer):
    user_id = UserIdField()
    parameters = ObjectField(required=False, help_text="Replace single parameters of the job, for this run only.")
    dry_run = TrueOrFalseField(default=False, help_text="Say what the run would do and change nothing.")


class RefusalSerializer(StrictSerializer):
    note = TextField(required=False, default="", allow_blank=True, max_length=500, help_text="Why.")


class PriorityChangeSerializer(StrictSerializer):
    priority = serializers.ChoiceField(choices=list(PRIORITIES))


class DependencyChangeSerializer(StrictSerializer):
    condition = serializers.ChoiceField(
        choices=[value.value for value in EndCondition], required=False, help_text="Which end of the upstream counts."
    )
    parameters = ObjectField(
        required=False,
        help_text="Of a trigger: parameters of the downstream and JSON pointers to their values in the upstream's "
        'result, such as `{"rows": "/count"}`.',
    )
    gate_patience_seconds = WholeNumberField(
        required=False,
        min_value=1,
        max_value=LONGEST_PATIENCE,
        help_text="Of a gate: how long a fired run waits for the upstream's same tick before it is cancelled.",
    )


class UpstreamSerializer(DependencyChangeSerializer):
    upstream = WholeNumberField(min_value=1, max_value=2**63 - 1, help_text="Id of a job of the same tenant.")
    kind = serializers.ChoiceField(
        choices=[value.value for value in DependencyKind],
        default=DependencyKind.TRIGGER.value,
        help_text="`trigger`: its end starts this job. `gate`: ticks of this job wait for its same tick.",
    )


class DependencyCreationSerializer(UpstreamSerializer):
    downstream = WholeNumberField(min_value=1, max_value=2**63 - 1, help_text="Id of the job that follows.")


class BackfillStartSerializer(StrictSerializer):
    since = InstantField(help_text="First instant of the window.")
    until = InstantField(help_text="Last instant of the window; it lies in the past.")
    at_once = WholeNumberField(
        default=1, min_value=1, max_value=MOST_AT_ONCE, help_text="How many runs may be queued or running at a time."
    )
    only = serializers.ListField(
        child=serializers.ChoiceField(choices=OUTCOMES),
        max_length=len(OUTCOMES),
        required=False,
        help_text="Only instants whose tick has one of these outcomes; all of them unless told.",
    )
    dry_run = TrueOrFalseField(default=False, help_text="Each run says what it would do and changes nothing.")
    note = TextField(required=False, default="", allow_blank=True, max_length=500, help_text="Why.")
    plan_only = TrueOrFalseField(default=False, help_text="Answer what would run, and start nothing.")


class ReplayStartSerializer(StrictSerializer):
    parameters = ObjectField(
        required=False, help_text="The whole set instead of that of then; secrets that are left out are kept."
    )


class DiscardSerializer(StrictSerializer):
    note = TextField(max_length=500, help_text="Why nothing more is to be done.")


class GroupReplaySerializer(StrictSerializer):
    expected_count = WholeNumberField(
        required=False, min_value=1, max_value=1_000_000_000, help_text="Refuses when not exactly so many are open."
    )


class GroupDiscardSerializer(DiscardSerializer, GroupReplaySerializer):
    pass


class PreviewOptionsSerializer(StrictSerializer):
    count = WholeNumberField(default=PREVIEWED, min_value=1, max_value=MOST_PREVIEWED)


class SchedulePreviewSerializer(PreviewOptionsSerializer):
    schedule = ScheduleSerializer()
    template = serializers.CharField(required=False, help_text="Whose shortest interval counts.")
    template_version = serializers.IntegerField(required=False)
