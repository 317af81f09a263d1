"""Workers & queues: who leads, what waits where and how fast it goes away, how each worker is and what it runs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import access
from accounts.tenant_admin import ReadOnlyAdmin
from jobs import queries, workers
from jobs.admin.workers import pausing
from jobs.models import Worker
from scheduler_project.lib import sql

MEBIBYTE = 1024**2
MOST = 200
SHOWN_RUNS = 5


def state_of(worker: Worker) -> str:
    return workers.state_of(worker, now=timezone.now())


def tenant_ids(request: HttpRequest) -> list[int] | None:
    """Whose runs the user may see; None means everybody's."""
    if access.sees_everything(request.user):
        return None
    return list(access.tenants(request.user).values_list("pk", flat=True))


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin[Worker]):
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("live/", view(self.live_view), name="jobs_worker_live"),
            path("queue/pause/", view(self.pause_view), name="jobs_queue_pause"),
            path("queue/resume/", view(self.resume_view), name="jobs_queue_resume"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self._require_view(request)
        context = {**self.admin_site.each_context(request), **facts(request), "title": "Workers & queues"}
        return TemplateResponse(request, "jobs/workers/page.html", {**context, "opts": Worker._meta})

    def live_view(self, request: HttpRequest) -> HttpResponse:
        self._require_view(request)
        return TemplateResponse(request, "jobs/workers/live.html", facts(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:jobs_worker_changelist"))

    def _require_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role does not allow you to see workers and queues.")

    def pause_view(self, request: HttpRequest) -> HttpResponse:
        return pausing.respond(request, self.admin_site.each_context(request))

    def resume_view(self, request: HttpRequest) -> HttpResponse:
        return pausing.resume(request)


def facts(request: HttpRequest) -> dict[str, Any]:
    now, theirs = sql.now(), tenant_ids(request)
    found = list(Worker.objects.order_by("-stopped_at", "name")[: MOST + 1])  # the living first: null before any time
    statuses = workers.statuses(found[:MOST], now=now, tenant_ids=theirs)
    queues = workers.list_queues(tenant_ids=theirs, with_rates=True)
    return {
        "now": now,
        "scheduler": queries.scheduler_status(),
        "queues": queues,
        "sees_all": access.sees_everything(request.user),
        "workers": [_shown(status) for status in statuses],
        "is_cut": len(found) > MOST,
        "most": MOST,
        "unserved": sorted(queue.queue for queue in queues if not queue.workers) or ["default"],
    }


def _shown(status: workers.WorkerStatus) -> dict[str, Any]:
    runs = status.runs[:SHOWN_RUNS]
    largest = max((process["rss"] for process in (status.worker.memory or [])[1:]), default=0)
    return {
        "status": status,
        "runs": runs,
        "others": status.running - len(runs),
        "megabytes": status.pss_bytes // MEBIBYTE if status.pss_bytes else None,
        "largest": largest // MEBIBYTE,
        "is_safe_now": status.safe_to_restart_at is not None and not status.running,
    }
