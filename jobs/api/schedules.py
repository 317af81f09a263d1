"""`/api/v1/schedules/preview`: when a schedule that nobody has saved yet would be due."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import advice, definition
from jobs.api.base import TenantEngineViewSet, may_run_sub_minute, split_body
from jobs.api.inputs import PreviewOptionsSerializer, SchedulePreviewSerializer
from jobs.api.job_output import SchedulePreviewOutputSerializer
from jobs.forecast import collisions
from jobs.models import Job
from jobs.rules.preview import preview
from scheduler_project.lib import sql


class ScheduleViewSet(TenantEngineViewSet):
    queryset = Job.objects.none()
    required_scopes = {"preview": Scope.SCHEDULER_READ}
    operation_ids = {"preview": "preview_schedule"}
    serializer_class = SchedulePreviewOutputSerializer

    @extend_schema(request=SchedulePreviewSerializer, responses={200: SchedulePreviewOutputSerializer})
    def preview(self, request: Request) -> Response:
        """The next due instants of a schedule, what starts in the same minute, and what else is worth knowing of it.

        Stores nothing.
        """
        options, described = split_body(request, PreviewOptionsSerializer)
        now = sql.now()
        schedule = definition.read_schedule(described, now=now, may_run_sub_minute=may_run_sub_minute(self.principal))
        found = preview(schedule, after=now, count=options["count"])
        jobs = self.scoped(Job.objects.all())
        context = {
            "collisions": collisions(jobs, schedule, now=now),
            "advice": advice.advise(schedule, now=now, jobs=jobs),
            "ticks_per_day": advice.runs_per_day(schedule, now=now),
        }
        return Response(SchedulePreviewOutputSerializer(found, context=context).data)
