"""`/api/v1/scheduler/` with `stats`, `jobs-tree`, `execution-log` and `events`: what a dashboard shows. Read-only."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import dashboard, narrowing, scheduler_events
from jobs.api.base import TenantEngineViewSet
from jobs.api.execution_output import ExecutionSerializer
from jobs.api.executions import listed_executions
from jobs.api.parameters import ExecutionParameters, PeriodParameters
from jobs.dashboard import Leaves, Place
from jobs.models import Execution, SchedulerEvent
from jobs.rules.states import PRIORITIES, ExecutionStatus
from scheduler_project.api.errors import Invalid
from scheduler_project.api.serializers import InstantField, ObjectField, RowSerializer, StrictSerializer

ENDS = [status.value for status in ExecutionStatus if status not in ("queued", "running")]
LEVELS = ["info", "warning", "error"]
MOST_LEAVES = 500
LARGEST_ID = 2**63 - 1


def _counts(names: Sequence[str]) -> Any:
    """A serializer of a whole number for each name."""
    fields = {name: serializers.IntegerField(read_only=True) for name in names}
    return type(f"{names[0].capitalize()}CountsSerializer", (serializers.Serializer,), fields)(read_only=True)


class WindowSerializer(serializers.Serializer[Any]):
    name = serializers.ChoiceField(choices=list(dashboard.WINDOWS), read_only=True)
    since = InstantField(read_only=True, help_text="The beginning of the hour in which the window begins.")
    total = serializers.IntegerField(read_only=True, help_text="Runs that ended.")
    by_status = _counts(ENDS)
    success_rate = serializers.FloatField(
        read_only=True,
        allow_null=True,
        help_text="Of those that succeeded or did not; cancelled ones count for neither.",
    )
    mean_seconds = serializers.FloatField(read_only=True, allow_null=True)
    p50_seconds = serializers.FloatField(read_only=True, allow_null=True, help_text="Within the bounds of a histogram.")
    p95_seconds = serializers.FloatField(read_only=True, allow_null=True)
    p99_seconds = serializers.FloatField(read_only=True, allow_null=True)


class StatsSerializer(serializers.Serializer[Any]):
    generated_at = InstantField(read_only=True)
    jobs = _counts(dashboard.JOB_STATES)
    runs = _counts(("queued", "running"))
    queue_depth = _counts(list(PRIORITIES))
    windows = WindowSerializer(many=True, read_only=True)
    open_dead_letters = serializers.IntegerField(read_only=True)
    next_tick_at = InstantField(read_only=True, allow_null=True)
    counters = _counts(scheduler_events.TYPES)


class EventParameters(PeriodParameters):
    type = serializers.ChoiceField(choices=list(scheduler_events.TYPES), required=False)
    level = serializers.ChoiceField(choices=LEVELS, required=False)
    job = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID, help_text="Id of a job.")
    q = serializers.CharField(required=False, max_length=200, help_text="Part of a message or source.")


class EventSerializer(RowSerializer):
    """Of an event without a tenant others than superusers see only when it was, of what type, and how often."""

    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True, allow_null=True)
    level = serializers.ChoiceField(choices=LEVELS, read_only=True)
    source = serializers.SerializerMethodField(  # type: ignore[assignment]
        help_text="Which process, circuit or loop."
    )
    message = serializers.SerializerMethodField()
    data = serializers.SerializerMethodField()  # type: ignore[assignment]

    class Meta:
        model = SchedulerEvent
        fields = (
            *("id", "at", "type", "level", "count", "tenant", "job_id", "execution_id", "source", "message", "data"),
        )
        read_only_fields = fields

    def _is_reduced(self, event: SchedulerEvent) -> bool:
        return event.tenant_id is None and not self.context["sees_all"]

    def get_source(self, event: SchedulerEvent) -> str:
        return "" if self._is_reduced(event) else event.source

    def get_message(self, event: SchedulerEvent) -> str:
        return "" if self._is_reduced(event) else event.message

    @extend_schema_field(ObjectField)
    def get_data(self, event: SchedulerEvent) -> Any:
        return {} if self._is_reduced(event) else event.data


class LogParameters(ExecutionParameters):
    q = serializers.CharField(required=False, max_length=200, help_text="Part of the name of a job or template.")


class LoggedExecutionSerializer(ExecutionSerializer):
    execution_id = serializers.IntegerField(source="id", read_only=True)
    duration_seconds = serializers.SerializerMethodField(help_text="From its last start to its end.")

    class Meta(ExecutionSerializer.Meta):
        fields = (
            *("execution_id", "job_id", "job_name", "tenant", "template", "trigger", "status", "reason", "attempt"),
            *("created_at", "scheduled_for", "started_at", "finished_at", "duration_seconds", "error", "user_id"),
        )
        read_only_fields = fields

    def get_duration_seconds(self, execution: Execution) -> float | None:
        if execution.started_at is None or execution.finished_at is None:
            return None
        return round((execution.finished_at - execution.started_at).total_seconds(), 3)


class TreeParameters(StrictSerializer):
    group_by = serializers.ChoiceField(choices=list(dashboard.GROUPS), default="template")
    after = serializers.CharField(required=False, max_length=2_000, help_text="Where to go on: `next_after`.")
    limit = serializers.IntegerField(
        default=200, min_value=1, max_value=MOST_LEAVES, help_text="How many jobs at most."
    )


class LeafSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(choices=["enabled", "paused", "disabled", "quarantined"], read_only=True)
    last_status = serializers.ChoiceField(choices=["", *ENDS], read_only=True, help_text="Empty before its first end.")
    last_execution_id = serializers.IntegerField(read_only=True, allow_null=True)
    last_run_at = InstantField(read_only=True, allow_null=True)
    last_finished_at = InstantField(read_only=True, allow_null=True)
    next_tick_at = InstantField(read_only=True, allow_null=True)
    failures_in_row = serializers.IntegerField(read_only=True)


class BranchSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(read_only=True, help_text="Of a template or tag; empty for jobs without a tag.")
    title = serializers.CharField(read_only=True)
    jobs = LeafSerializer(many=True, read_only=True)


class TreeTenantSerializer(serializers.Serializer[Any]):
    tenant = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    groups = BranchSerializer(many=True, read_only=True)


class TreeSerializer(serializers.Serializer[Any]):
    total_count = serializers.IntegerField(read_only=True, help_text="Leaves of the whole tree.")
    total_is_estimate = serializers.BooleanField(read_only=True)
    limit = serializers.IntegerField(read_only=True)
    offset = serializers.IntegerField(read_only=True, help_text="Always 0: `after` says where to go on.")
    has_more = serializers.BooleanField(read_only=True)
    next_after = serializers.CharField(read_only=True, allow_null=True)
    group_by = serializers.ChoiceField(choices=list(dashboard.GROUPS), read_only=True)
    results = TreeTenantSerializer(many=True, read_only=True)


class DashboardViewSet(TenantEngineViewSet):
    required_scopes = dict.fromkeys(("stats", "jobs_tree", "execution_log", "events"), Scope.SCHEDULER_READ)
    kept = frozenset({"stats", "jobs_tree", "execution_log", "events"})
    operation_ids = {
        "stats": "get_scheduler_stats",
        "jobs_tree": "get_jobs_tree",
        "execution_log": "list_execution_log",
        "events": "list_scheduler_events",
    }
    parameters = {"jobs_tree": TreeParameters, "execution_log": LogParameters, "events": EventParameters}
    paged = frozenset({"execution_log", "events"})
    serializer_class = StatsSerializer
    queryset = Execution.objects.none()

    @property
    def _tenants(self) -> list[int] | None:
        return self.principal.tenant_ids(self.scope)

    def stats(self, request: Request) -> Response:
        """Jobs by state, runs by status in windows, how long they took, what waits, and all counters."""
        return Response(StatsSerializer(dashboard.stats(self._tenants)).data)

    @extend_schema(responses=TreeSerializer)
    def jobs_tree(self, request: Request) -> Response:
        """Jobs that are not archived: by tenant, by template or tag, each with its last status and next run."""
        group_by, limit = self.filters["group_by"], self.filters["limit"]
        after = _place(self.filters["after"]) if "after" in self.filters else None
        leaves = dashboard.job_leaves(self._tenants, group_by=group_by, limit=limit, after=after)
        tree = {
            "total_count": leaves.total,
            "total_is_estimate": False,
            "limit": limit,
            "offset": 0,
            "has_more": leaves.has_more,
            "next_after": _written(leaves.last) if leaves.has_more else None,
            "group_by": group_by,
            "results": _tree(leaves),
        }
        return Response(TreeSerializer(tree).data)

    @extend_schema(responses=LoggedExecutionSerializer(many=True))
    def execution_log(self, request: Request) -> Response:
        """What ran and how it ended, the newest first, in a few fields each."""
        filters = dict(self.filters)
        text = filters.pop("q", "")
        rows = narrowing.find_executions(self.scoped(listed_executions()), **filters)
        return self.answer_page(dashboard.named(rows, text) if text else rows, LoggedExecutionSerializer)

    @extend_schema(responses=EventSerializer(many=True))
    def events(self, request: Request) -> Response:
        """What the scheduling went through: check cycles, leaders, failures, ticks that did not fire in time."""
        return self.answer_page(dashboard.find_events(self._tenants, **self.filters), EventSerializer)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "sees_all": self.principal.is_superuser}


def _tree(leaves: Leaves) -> list[dict[str, Any]]:
    return [
        {
            "tenant": tenant,
            "name": name,
            "groups": [
                {"name": group, "title": title, "jobs": [{**row, "state": _state(row)} for row in jobs]}
                for (group, title), jobs in groupby(rows, key=lambda row: (row["grouped_by"], row["title"]))
            ],
        }
        for (tenant, name), rows in groupby(leaves.rows, key=lambda row: (row["tenant"], row["tenant_name"]))
    ]


def _state(row: Any) -> str:
    if row["is_quarantined"]:
        return "quarantined"
    if not row["is_enabled"]:
        return "disabled"
    return "paused" if row["is_paused"] else "enabled"


def _written(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _place(text: str) -> Place:
    """Raises Invalid."""
    try:
        tenant, group, name, number = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        tenant = group = name = number = None
    texts = [part for part in (tenant, group, name) if isinstance(part, str) and part.isprintable()]
    if len(texts) != 3 or type(number) is not int or not 0 < number <= LARGEST_ID:
        raise Invalid({"after": ["Write what `next_after` said."]})
    return texts[0], texts[1], texts[2], number
