"""`/api/v1/schedules/preview`: when a schedule that nobody has saved yet would be due."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import definition
from jobs.api.base import EngineViewSet, may_run_sub_minute, split_body
from jobs.api.inputs import PreviewOptionsSerializer, SchedulePreviewSerializer
from jobs.api.job_output import PreviewSerializer
from jobs.rules.preview import preview
from scheduler_project.lib import sql


class ScheduleViewSet(EngineViewSet):
    required_scopes = {"preview": Scope.SCHEDULER_READ}
    operation_ids = {"preview": "preview_schedule"}
    serializer_class = PreviewSerializer

    @extend_schema(request=SchedulePreviewSerializer, responses={200: PreviewSerializer})
    def preview(self, request: Request) -> Response:
        """The next due instants of a schedule, and where changes of the clocks touch it. Stores nothing."""
        options, described = split_body(request, PreviewOptionsSerializer)
        now = sql.now()
        schedule = definition.read_schedule(described, now=now, may_run_sub_minute=may_run_sub_minute(self.principal))
        return Response(PreviewSerializer(preview(schedule, after=now, count=options["count"])).data)
