"""`/api/v1/forecast` and `/api/v1/upcoming`: what is due next over all jobs that the caller may see."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Tenant
from accounts.scopes import Scope
from jobs.api.base import TenantEngineViewSet
from jobs.api.forecast_output import ForecastSerializer, UpcomingSerializer
from jobs.api.parameters import ForecastParameters, UpcomingParameters
from jobs.forecast import forecast, last_error, upcoming
from jobs.models import Job
from scheduler_project.lib import sql


class ForecastViewSet(TenantEngineViewSet):
    queryset = Job.objects.none()
    serializer_class = ForecastSerializer
    required_scopes = dict.fromkeys(("forecast", "upcoming"), Scope.SCHEDULER_READ)
    operation_ids = {"forecast": "forecast_load", "upcoming": "list_upcoming_ticks"}
    parameters = {"forecast": ForecastParameters, "upcoming": UpcomingParameters}
    kept = frozenset({"upcoming"})

    @extend_schema(responses=ForecastSerializer)
    def forecast(self, request: Request) -> Response:
        """Expected work per hour and queue, the minutes in which many jobs start, and how wrong the last forecast was.

        Of very many ticks only the first are looked at; `until` says how far the answer reaches.
        """
        now, queue = sql.now(), self.filters.get("queue", "")
        jobs = self.scoped(Job.objects.all())
        found = forecast(
            jobs,
            since=now,
            until=now + timedelta(hours=self.filters["hours"]),
            queue=queue,
            herds=self.filters["limit"],
        )
        sees_all = self.principal.tenant_ids(self.scope) is None
        queues = {queue} if queue else None
        if not sees_all:
            ours = jobs.filter(queue=queue) if queue else jobs
            queues = set(ours.order_by().values_list("queue", flat=True).distinct())
        context = {"names": found.job_names, "error": last_error(now=now, queues=queues), "sees_all": sees_all}
        return Response(ForecastSerializer(found, context=context).data)

    @extend_schema(responses=UpcomingSerializer)
    def upcoming(self, request: Request) -> Response:
        """The next ticks over all jobs in the order of time, with what will keep them from firing."""
        now = sql.now()
        jobs = self.scoped(Job.objects.all())
        if queue := self.filters.get("queue"):
            jobs = jobs.filter(queue=queue)
        until = now + timedelta(hours=self.filters["hours"])
        found = upcoming(jobs, since=now, until=until, most_ticks=self.filters["limit"])
        context = {"tenants": dict(Tenant.objects.values_list("pk", "slug"))}
        return Response(UpcomingSerializer(found, context=context).data)
