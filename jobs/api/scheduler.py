"""`/api/v1/scheduler/status`: who leads the scheduling, and how long ago it last looked what is due."""

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


class SchedulerStatusSerializer(serializers.Serializer[Any]):
    leader = serializers.CharField(read_only=True, allow_null=True, help_text="Nobody leads when this is null.")
    epoch = serializers.IntegerField(read_only=True, help_text="Goes up with each change of the lead.")
    leading_since = InstantField(read_only=True, allow_null=True)
    last_tick_at = InstantField(read_only=True, allow_null=True)
    last_tick_age_seconds = serializers.FloatField(read_only=True, allow_null=True)
    backend = serializers.ChoiceField(choices=["celery", "apscheduler"], read_only=True)


class SchedulerViewSet(EngineViewSet):
    required_scopes = {"status": Scope.SCHEDULER_READ}
    operation_ids = {"status": "get_scheduler_status"}
    serializer_class = SchedulerStatusSerializer

    def status(self, request: Request) -> Response:
        """The lead and the age of the last tick. Asking changes nothing."""
        status = SchedulerStatusSerializer(queries.scheduler_status()).data
        return Response({**status, "backend": get_backend().name})
