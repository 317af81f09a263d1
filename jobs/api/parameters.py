"""Query strings, one serializer for each list."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from rest_framework import serializers

from jobs import run_log
from jobs.api.execution_output import ExecutionSerializer
from jobs.api.families.words import TASKS
from jobs.api.inputs import MOST_PREVIEWED, PREVIEWED
from jobs.api.job_output import JobSerializer, TickSerializer
from jobs.api.task_output import TaskSerializer
from jobs.narrowing import EXECUTION_ORDERINGS, JOB_ORDERINGS, TICK_ORDERINGS, OfUser
from jobs.rules import user_ids
from jobs.rules.states import (
    FINISHED,
    PRIORITIES,
    DependencyKind,
    ExecutionStatus,
    HeldFor,
    LetterState,
    Origin,
    ReplayStatus,
    TickOutcome,
    Trigger,
)
from scheduler_project.api.serializers import InstantField, StrictSerializer
from scheduler_project.api.sparse import FieldsParameter

MOST_LINES = 1_000
LONGEST_SECONDS = 10**9
STATUSES = [status.value for status in ExecutionStatus]
MOST_HOURS = 31 * 24


class OrderingParameter(serializers.ChoiceField):
    def __init__(self, names: Sequence[str]) -> None:
        choices = [sign + name for name in names for sign in ("", "-")]
        super().__init__(choices=choices, required=False, help_text="With a `-` in front the other way round.")


class StatusesParameter(serializers.CharField):
    """One status, or several with commas between them."""

    def __init__(self) -> None:
        super().__init__(required=False, max_length=200, help_text="One, or several with commas.")

    def to_internal_value(self, data: Any) -> Any:
        named = [name.strip() for name in super().to_internal_value(data).split(",")]
        if any(name not in STATUSES for name in named):
            raise serializers.ValidationError(f"Write one or more of {', '.join(STATUSES)}, with commas between them.")
        return tuple(dict.fromkeys(named))


class TaskStatusesParameter(StatusesParameter):
    """The words of `task_status` as well: `PROCESSING`, `COMPLETED`, …"""

    def to_internal_value(self, data: Any) -> Any:
        named = [name.strip() for name in str(data).split(",")]
        meant = [(TASKS.statuses(name) if name.isupper() else ()) or (name,) for name in named]
        return super().to_internal_value(",".join(chain.from_iterable(meant)))


class NamedParameters(StrictSerializer):
    """Of lists of what has a name and is edited."""

    q = serializers.CharField(required=False, help_text="Part of a name.")
    tenant = serializers.CharField(required=False, help_text="Slug of one of the caller's tenants.")
    ordering = OrderingParameter(("name", "updated_at"))


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
    owner = serializers.CharField(required=False, help_text="Name of a user.")
    pool = serializers.CharField(required=False, help_text="Slug of a pool.")
    origin = serializers.ChoiceField(choices=[origin.value for origin in Origin], required=False)
    next_tick_after = InstantField(required=False, help_text="Due at this instant or later.")
    next_tick_before = InstantField(required=False, help_text="Due before this instant.")
    q = serializers.CharField(required=False, help_text="Part of a name, slug or description.")
    ordering = OrderingParameter(JOB_ORDERINGS)


class JobListParameters(JobParameters):
    fields = FieldsParameter(JobSerializer)  # type: ignore[assignment]


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


class RunParameters(PeriodParameters):
    """What runs with and without a job are narrowed down by."""

    user_id = UserIdParameter()
    status: serializers.Field[Any, Any, Any, Any] = StatusesParameter()
    started_since = InstantField(required=False, help_text="Started at this instant or later.")
    started_until = InstantField(required=False, help_text="Started before this instant.")
    finished_since = InstantField(required=False, help_text="Ended at this instant or later.")
    finished_until = InstantField(required=False, help_text="Ended before this instant.")
    longer_than = serializers.FloatField(
        required=False, min_value=0, max_value=LONGEST_SECONDS, help_text="Took so many seconds or more."
    )
    shorter_than = serializers.FloatField(
        required=False, min_value=0, max_value=LONGEST_SECONDS, help_text="Took fewer seconds."
    )
    requested_by = serializers.CharField(required=False, help_text="Such as `user:ana` or `key:1a2b3c4d`.")
    reason = serializers.CharField(required=False, help_text="Why it ended as it did, or why it waits.")
    worker = serializers.CharField(required=False, help_text="Name of a worker that tried it.")
    fingerprint = serializers.CharField(required=False, help_text="Errors of one cause have the same.")
    request_id = serializers.CharField(required=False, help_text="`X-Request-ID` of the call that asked for it.")


class JobExecutionParameters(RunParameters):
    trigger = serializers.ChoiceField(choices=[trigger.value for trigger in Trigger], required=False)


class JobExecutionListParameters(JobExecutionParameters):
    ordering = OrderingParameter(EXECUTION_ORDERINGS)
    fields = FieldsParameter(ExecutionSerializer)  # type: ignore[assignment]


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
    tag = serializers.CharField(required=False, help_text="A tag of its job.")
    tenant = serializers.CharField(required=False, help_text="Slug of one of the caller's tenants.")


class ExecutionListParameters(ExecutionParameters):
    ordering = OrderingParameter(EXECUTION_ORDERINGS)
    fields = FieldsParameter(ExecutionSerializer)  # type: ignore[assignment]


class TaskParameters(RunParameters):
    status = TaskStatusesParameter()
    ordering = OrderingParameter(EXECUTION_ORDERINGS)
    held_for = serializers.ChoiceField(choices=[held.value for held in HeldFor], required=False)
    template = serializers.CharField(required=False)
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False)
    queue = serializers.CharField(required=False)
    tenant = serializers.CharField(required=False, help_text="Slug of one of the caller's tenants.")


class TaskListParameters(TaskParameters):
    fields = FieldsParameter(TaskSerializer)  # type: ignore[assignment]


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
    ordering = OrderingParameter(TICK_ORDERINGS)
    fields = FieldsParameter(TickSerializer)  # type: ignore[assignment]


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
    before = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="The last lines before this sequence number instead.",
    )
    level = serializers.ChoiceField(
        required=False, choices=list(run_log.LEVELS), help_text="Only lines of this level and graver ones."
    )
    search = serializers.CharField(
        required=False, max_length=200, help_text="Only lines that have this text, in capitals or not."
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
