"""The schedule's page: the forecast, a calendar, a day, and the load with how good its forecast is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.models import Tenant
from accounts.scopes import Scope
from accounts.tenant_admin import ReadOnlyAdmin
from jobs import narrowing
from jobs.admin.charts import load as load_chart
from jobs.admin.schedule import day_view, forecast_view, month_view
from jobs.admin.schedule.asked import VIEWS, Asked
from jobs.forecast import forecast, last_error
from jobs.models import ForecastHour, Job
from scheduler_project.lib import sql

LOAD_HOURS = 24
MOST_TICKS = 20_000
MOST_CHOICES = 200
VIEW_CONTEXTS = {"forecast": forecast_view.context_of, "calendar": month_view.context_of, "list": day_view.context_of}


@admin.register(ForecastHour)
class ScheduleAdmin(ReadOnlyAdmin[ForecastHour]):
    """Its list is the page; the rows behind it are only what the last forecast said."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        now = sql.now()
        asked = Asked.read(request.GET, now=now)
        everything = access.visible(Job.objects.filter(archived_at=None), request.user)
        jobs = _narrowed(everything, asked.filters)
        tenants = list(access.tenants(request.user).order_by("name"))
        context = {
            "now": now,
            "asked": asked,
            "here": asked.address(page=asked.page if asked.page > 1 else None),
            "may_change": access.may_anywhere(request.user, Scope.SCHEDULER_WRITE),
            "has_jobs": bool(asked.filters) or everything.exists(),
        }
        if asked.view == "load":
            context |= _load(jobs, request, asked, now)
        else:
            context |= VIEW_CONTEXTS[asked.view](jobs, asked, tenant_ids=[one.pk for one in tenants], now=now)
        if request.headers.get("HX-Request"):
            return TemplateResponse(request, "jobs/schedule/live.html", context)
        context |= {
            **self.admin_site.each_context(request),
            "title": "Schedule",
            "opts": ForecastHour._meta,
            "tabs": [(view, asked.address(view=_said(view, "forecast")), words) for view, words in VIEWS.items()],
            "choices": _choices(everything, tenants, asked.filters),
        }
        return TemplateResponse(request, "jobs/schedule/page.html", {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:jobs_forecasthour_changelist"))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:jobs_forecasthour_changelist"))


def _narrowed(jobs: QuerySet[Job], said: dict[str, str]) -> QuerySet[Job]:
    return narrowing.find_jobs(
        jobs,
        q=said.get("q", ""),
        queue=said.get("queue", ""),
        template=said.get("template", ""),
        tag=said.get("tag", ""),
        tenant=said.get("tenant", ""),
    ).order_by()


def _said(value: str, default: str) -> str | None:
    return None if value == default else value


def _load(jobs: QuerySet[Job], request: HttpRequest, asked: Asked, now: datetime) -> dict[str, Any]:
    until = now + timedelta(hours=LOAD_HOURS)
    found = forecast(jobs, since=now, until=until, herds=0, most_ticks=MOST_TICKS)
    sees_all = access.sees_everything(request.user)
    queues = sorted(set(jobs.order_by().values_list("queue", flat=True)))
    return {
        "hours": LOAD_HOURS,
        "forecast": found,
        "fires": len(found.upcoming.ticks) - found.held_back,
        "chart": load_chart.draw(found.hours, since=now, hours=LOAD_HOURS),
        "work": sum(hour.seconds for hour in found.hours),
        "is_short": bool(found.processes) and found.peak.running > found.processes,
        "error": last_error(now=now, queues=None if sees_all and not asked.filters else queues),
        "sees_all": sees_all,
    }


def _choices(jobs: QuerySet[Job], tenants: list[Tenant], said: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer, and what was asked for where that is none of it."""
    queues = jobs.order_by("queue").values_list("queue", flat=True).distinct()[:MOST_CHOICES]
    templates = jobs.order_by("template__name").values_list("template__name", flat=True).distinct()[:MOST_CHOICES]
    tags = sql.rows(TAGS, {"tenants": [one.pk for one in tenants], "most": MOST_CHOICES})
    offered = {
        "queue": [(name, name) for name in queues],
        "template": [(name, name) for name in templates],
        "tag": [(row["tag"], row["tag"]) for row in tags],
        "tenant": [(one.slug, one.name) for one in tenants],
    }
    for name, options in offered.items():
        if name in said and said[name] not in dict(options):
            options.append((said[name], said[name]))
    return offered


TAGS = """
SELECT DISTINCT unnest(tags) AS tag FROM dynamic_jobs
WHERE tenant_id = ANY(%(tenants)s::bigint[]) AND archived_at IS NULL ORDER BY 1 LIMIT %(most)s
"""
