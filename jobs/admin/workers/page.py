"""Workers and queues in the admin: how each worker is, what it runs now, what waits, and whether anybody hears."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import access
from accounts.tenant_admin import ReadOnlyAdmin
from jobs import workers
from jobs.admin.chips import state_chip
from jobs.models import Worker
from jobs.workers import CurrentRun, WorkerStatus
from scheduler_project.lib import markup, sql

MEBIBYTE = 1024**2
SHOWN_RUNS = 5


def state_of(worker: Worker) -> str:
    return workers.state_of(worker, now=timezone.now())


def tenant_ids(request: HttpRequest) -> list[int] | None:
    """Whose runs the user may see; None means everybody's."""
    if access.is_superuser(request.user):
        return None
    return list(access.tenants(request.user).values_list("pk", flat=True))


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin[Worker]):
    list_display = ("name_cell", "state", "runs", "queue_names", "memory_cell", "heartbeat", "safe_to_restart")
    list_display_links = None
    search_fields = ("name", "hostname")
    ordering = ("-stopped_at", "name")  # the living first: nothing sorts before any time
    sortable_by = ()
    actions = None
    change_list_template = "jobs/workers/page.html"

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changes = super().get_changelist_instance(request)
        rows: list[Any] = list(changes.result_list)
        for row, found in zip(rows, workers.statuses(rows, now=sql.now(), tenant_ids=tenant_ids(request)), strict=True):
            row.found = found
        changes.result_list = rows
        return changes

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            "heading": "Workers & queues",
            "queues": workers.list_queues(tenant_ids=tenant_ids(request)),
            "sees_all": access.is_superuser(request.user),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:jobs_worker_changelist"))

    @admin.display(description="Worker")
    def name_cell(self, worker: Worker) -> SafeString:
        return format_html(
            '<b class="mono">{}</b> <small class="below">process {} on {}{}; {} runs since {}</small>',
            worker.name,
            worker.pid,
            worker.hostname,
            f", release {worker.release}" if worker.release else "",
            worker.runs_done,
            markup.absolute(worker.started_at, now=timezone.now()),
        )

    @admin.display(description="State")
    def state(self, worker: Worker) -> SafeString:
        found = _found(worker)
        since = "" if worker.draining_since is None else f"Since {worker.draining_since:%H:%M:%S} UTC. "
        words = f"{since if found.state == 'draining' else ''}{found.trouble}"
        below = format_html(' <small class="below">{}</small>', words) if words else ""
        return format_html("{}{}", state_chip(found.state), below)

    @admin.display(description="Runs now")
    def runs(self, worker: Worker) -> SafeString:
        found = _found(worker)
        shown = format_html_join(
            "", '<small class="below">{}</small>', ((_line(run),) for run in found.runs[:SHOWN_RUNS])
        )
        others = found.running - min(len(found.runs), SHOWN_RUNS)
        more = format_html('<small class="below">{} more</small>', others) if others and shown else ""
        return format_html("{} of {} busy{}{}", found.running, worker.concurrency, shown, more)

    @admin.display(description="Queues")
    def queue_names(self, worker: Worker) -> SafeString:
        return format_html_join(" ", '<span class="tag">{}</span>', ((queue,) for queue in worker.queues))

    @admin.display(description="Memory")
    def memory_cell(self, worker: Worker) -> str | SafeString:
        found = _found(worker)
        if not found.pss_bytes:
            return markup.NOTHING
        largest = max((process["rss"] for process in (worker.memory or [])[1:]), default=0)
        limit = f" of {worker.max_memory_mb}" if worker.max_memory_mb else ""
        return format_html(
            '{} MB <small class="below">largest process {}{} MB</small>',
            found.pss_bytes // MEBIBYTE,
            largest // MEBIBYTE,
            limit,
        )

    @admin.display(description="Last heartbeat")
    def heartbeat(self, worker: Worker) -> str | SafeString:
        return markup.moment(worker.heartbeat_at, now=timezone.now())

    @admin.display(description="Safe to restart")
    def safe_to_restart(self, worker: Worker) -> str | SafeString:
        found = _found(worker)
        if found.safe_to_restart_at is not None and not found.running:
            return "Safe now"
        return markup.moment(found.safe_to_restart_at, now=timezone.now())


def _found(worker: Any) -> WorkerStatus:
    found: WorkerStatus = worker.found
    return found


def _line(run: CurrentRun) -> SafeString:
    return format_html(
        '<a href="{}">{}</a> for {}',
        reverse("admin:jobs_execution_change", args=[run.execution_id]),
        run.name,
        markup.duration((timezone.now() - run.started_at).total_seconds()),
    )
