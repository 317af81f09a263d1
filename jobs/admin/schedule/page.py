"""The page of what comes: the next ticks over all jobs, work per hour, full minutes, and the last forecast's error."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.tenant_admin import ReadOnlyAdmin
from jobs.admin.charts import load as load_chart
from jobs.forecast import Forecast, forecast, last_error
from jobs.models import ForecastHour, Job
from jobs.rules.load import Herd
from scheduler_project.lib import sql

HOURS = 24
SHOWN = 30
HERDS = 8


@dataclass(frozen=True)
class ShownHerd:
    herd: Herd
    jobs: tuple[tuple[int, str], ...]
    more: int


@admin.register(ForecastHour)
class ScheduleAdmin(ReadOnlyAdmin[ForecastHour]):
    """Its list is the page; the rows behind it are only what the last forecast said."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        now = sql.now()
        jobs = access.visible(Job.objects.all(), request.user)
        queue = request.GET.get("queue", "")[:100]
        found = forecast(jobs, since=now, until=now + timedelta(hours=HOURS), queue=queue, herds=HERDS)
        sees_all = access.sees_everything(request.user)
        queues = sorted(set(jobs.filter(archived_at=None).order_by().values_list("queue", flat=True)))
        error = last_error(now=now, queues=[queue] if queue in queues else None if sees_all else queues)
        context = {
            **self.admin_site.each_context(request),
            "title": "Schedule",
            "opts": ForecastHour._meta,
            "now": now,
            "hours": HOURS,
            "forecast": found,
            "ticks": found.upcoming.ticks[:SHOWN],
            "fires": len(found.upcoming.ticks) - found.held_back,
            "chart": load_chart.draw(found.hours, since=now, hours=HOURS),
            "work": sum(hour.seconds for hour in found.hours),
            "herds": [_shown(herd, found) for herd in found.herds],
            "is_short": bool(found.processes) and found.peak.running > found.processes,
            "error": error,
            "sees_all": sees_all,
            "queue": queue,
            "queues": queues if len(queues) > 1 or queue else [],
        }
        return TemplateResponse(request, "jobs/schedule/page.html", {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:jobs_forecasthour_changelist"))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:jobs_forecasthour_changelist"))


def _shown(herd: Herd, found: Forecast) -> ShownHerd:
    jobs = tuple((job_id, found.job_names[job_id]) for job_id in herd.job_ids[:5])
    return ShownHerd(herd, jobs, max(herd.starts - len(jobs), 0))
