"""Query strings, one serializer for each list."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.api.inputs import MOST_PREVIEWED, PREVIEWED
from jobs.queries import JOB_ORDERINGS, OfUser
from jobs.rules import user_ids
from jobs.rules.states import (
    FINISHED,
    PRIORITIES,
    DependencyKind,
    ExecutionStatus,
    HeldFor,
    LetterState,
    ReplayStatus,
    TickOutcome,
    Trigger,
)
from scheduler_project.api.serializers import InstantField, StrictSerializer

MOST_LINES = 1_000
MOST_HOURS = 31 * 24


class TemplateParameters(StrictSerializer):
    category = serializers.CharField(required=False)
    q = serializers.CharField(required=False, help_text="Part of a name, title or description.")


class JobParameters(StrictSerializer):
    enabled = serializers.BooleanField(required=False)
    paused = serializers.BooleanField(required=False)
    archived = serializers.BooleanField(required=False, help_text="Archived jobs instead of the others.")
    template = serializers.CharField(required=False)
    tag = serializers.CharField(required=False)
    queue = serializers.CharField(required=False)
    last_status = serializers.ChoiceField(choices=[status.value for status in FINISHED], required=False)
    tenant = serializers.CharField(required=False, help_text="Slug of one of the caller's tenants.")
    q = serializers.CharField(required=False, help_text="Part of a name, slug or description.")
    ordering = serializers.ChoiceField(
        choices=[sign + name for name in JOB_ORDERINGS for sign in ("", "-")], required=False
    )


class PeriodParameters(StrictSerializer):
    since = InstantField(required=False, help_text="Not before this instant.")
    until = InstantField(required=False, help_text="Before this instant.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "since" in attrs and "until" in attrs and attrs["until"] <= attrs["since"]:
            raise serializers.ValidationError({"until": "Write an instant after `since`."})
        return attrs


class UserIdParameter(serializers.CharField):
    """Any spelling finds every spelling; `null` finds the runs of nobody."""

    def __init__(self) -> None:
        text = "Whom the runs are for, in whatever way it was written; `null` for those of nobody."
        super().__init__(required=False, allow_blank=True, help_text=text)

    def to_internal_value(self, data: Any) -> Any:
        try:
            return OfUser(user_ids.canonical(super().to_internal_value(data)))
        except user_ids.InvalidUserId as error:
            raise serializers.ValidationError(str(error)) from None


class JobExecutionParameters(PeriodParameters):
    user_id = UserIdParameter()
    status = serializers.ChoiceField(choices=[status.value for status in ExecutionStatus], required=False)
    trigger = serializers.ChoiceField(choices=[trigger.value for trigger in Trigger], required=False)


class ExecutionParameters(JobExecutionParameters):
    held_for = serializers.ChoiceField(
        choices=[held.value for held in HeldFor],
        required=False,
        help_text="What a queued run waits for besides its turn: `approval`, the `upstream` jobs, a free `slot`.",
    )
    queue = serializers.CharField(required=False)
    job = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1, help_text="Id of a job.")
    template = serializers.CharField(required=False)
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False)
    tenant = serializers.CharField(required=False, help_text="Slug of one of the caller's tenants.")


class TaskParameters(PeriodParameters):
    user_id = UserIdParameter()
    status = serializers.ChoiceField(choices=[status.value for status in ExecutionStatus], required=False)
    held_for = serializers.ChoiceField(choices=[held.value for held in HeldFor], required=False)
    template = serializers.CharField(required=False)
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False)
    queue = serializers.CharField(required=False)
    tenant = serializers.CharField(required=False, help_text="Slug of one of the caller's tenants.")


class DeadLetterParameters(PeriodParameters):
    state = serializers.ChoiceField(choices=[state.value for state in LetterState], required=False)
    job = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1, help_text="Id of a job.")
    template = serializers.CharField(required=False)
    fingerprint = serializers.CharField(required=False, help_text="Letters of one cause, in whatever job.")
    tenant = serializers.CharField(required=False, help_text="Slug of one of the caller's tenants.")


class GroupParameters(DeadLetterParameters):
    state = serializers.ChoiceField(choices=[state.value for state in LetterState], default=LetterState.OPEN.value)


class ReplayParameters(StrictSerializer):
    status = serializers.ChoiceField(choices=[status.value for status in ReplayStatus], required=False)


class TickParameters(PeriodParameters):
    outcome = serializers.ChoiceField(choices=[outcome.value for outcome in TickOutcome], required=False)
    reason = serializers.CharField(required=False)


class GraphParameters(StrictSerializer):
    tenant = serializers.CharField(required=False, help_text="Slug of one of the caller's tenants.")


class DependencyParameters(GraphParameters):
    kind = serializers.ChoiceField(choices=[kind.value for kind in DependencyKind], required=False)
    upstream = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1, help_text="Id of a job.")
    downstream = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1, help_text="Id of a job.")


class LogParameters(StrictSerializer):
    since = serializers.IntegerField(
        default=0, min_value=0, max_value=2**31 - 1, help_text="Only lines after this sequence number."
    )
    limit = serializers.IntegerField(default=MOST_LINES, min_value=1, max_value=MOST_LINES)


class ForecastParameters(StrictSerializer):
    hours = serializers.IntegerField(default=24, min_value=1, max_value=MOST_HOURS)
    queue = serializers.CharField(required=False, help_text="Only jobs of this queue.")
    limit = serializers.IntegerField(default=10, min_value=1, max_value=100, help_text="How many herds at most.")


class UpcomingParameters(StrictSerializer):
    hours = serializers.IntegerField(default=24, min_value=1, max_value=MOST_HOURS)
    queue = serializers.CharField(required=False, help_text="Only jobs of this queue.")
    limit = serializers.IntegerField(default=100, min_value=1, max_value=1_000)


class PreviewParameters(StrictSerializer):
    count = serializers.IntegerField(default=PREVIEWED, min_value=1, max_value=MOST_PREVIEWED)
