"""`/api/v1/scheduler/status`: who leads the scheduling and who stands by, and how late ticks are decided."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import queries
from jobs.api.base import EngineViewSet
from jobs.backends.base import get_backend
from scheduler_project.api.serializers import InstantField


class CandidateSerializer(serializers.Serializer[Any]):
    holder = serializers.CharField(read_only=True, help_text="Host, process id and a random mark.")
    role = serializers.ChoiceField(choices=["leader", "standby"], read_only=True)
    is_healthy = serializers.BooleanField(
        read_only=True, help_text="Its loop has turned within twice the lease, and its last turn did not fail."
    )
    started_at = InstantField(read_only=True)
    seen_at = InstantField(read_only=True, help_text="When its loop turned last, two seconds more or less.")
    trouble = serializers.CharField(read_only=True, help_text="Why its last turn failed; empty when it did not.")


class LagSerializer(serializers.Serializer[Any]):
    p50 = serializers.FloatField(read_only=True, allow_null=True)
    p95 = serializers.FloatField(read_only=True, allow_null=True)
    p99 = serializers.FloatField(read_only=True, allow_null=True)


class SchedulerStatusSerializer(serializers.Serializer[Any]):
    leader = serializers.CharField(read_only=True, allow_null=True, help_text="Nobody leads when this is null.")
    leaderInstance = serializers.CharField(  # noqa: N815  as dashboards of other schedulers read it
        source="leader", read_only=True, allow_null=True, help_text="The same as `leader`."
    )
    epoch = serializers.IntegerField(read_only=True, help_text="Goes up with each change of the lead.")
    leading_since = InstantField(read_only=True, allow_null=True)
    last_tick_at = InstantField(
        read_only=True, allow_null=True, help_text="When a leader last finished deciding what was due."
    )
    last_tick_age_seconds = serializers.FloatField(read_only=True, allow_null=True)
    candidates = CandidateSerializer(many=True, read_only=True, help_text="All scheduler processes, the leader first.")
    lag_seconds = LagSerializer(
        read_only=True, help_text="How late ticks were decided, of the last 1,000 that the scheduler decided this hour."
    )
    lag_ticks = serializers.IntegerField(read_only=True, help_text="How many ticks the lag was taken from.")
    behind_jobs = serializers.IntegerField(
        read_only=True, help_text="Jobs with a tick that is due and undecided; 10,000 stands for that many or more."
    )
    behind_seconds = serializers.FloatField(read_only=True, help_text="How long the oldest of them has waited.")
    violations = serializers.IntegerField(
        read_only=True, help_text="Breaks of the ledger's promise that were ever found."
    )
    violations_last_day = serializers.IntegerField(read_only=True)
    quarantined_jobs = serializers.IntegerField(
        read_only=True, help_text="Jobs whose ticks cannot be decided, since their schedule does not load."
    )
    backend = serializers.ChoiceField(choices=["celery", "apscheduler"], read_only=True)


class SchedulerViewSet(EngineViewSet):
    required_scopes = {"status": Scope.SCHEDULER_READ}
    operation_ids = {"status": "get_scheduler_status"}
    kept = frozenset({"status"})
    serializer_class = SchedulerStatusSerializer

    def status(self, request: Request) -> Response:
        """The lead, all candidates, how late ticks are decided, and what is wrong. Asking changes nothing."""
        status = SchedulerStatusSerializer(queries.scheduler_status()).data
        return Response({**status, "backend": get_backend().name})
