"""Workers in the admin: who reports, on which queues, and how long ago."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.tenant_admin import ReadOnlyAdmin
from jobs import queries
from jobs.admin.chips import state_chip, worker_state
from jobs.models import ExecutionLease, Worker
from scheduler_project.lib import markup


def state_of(worker: Worker) -> str:
    return worker_state(worker, timezone.now(), silent_after=queries.heartbeat_limit())


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin[Worker]):
    list_display = ("name_cell", "state", "queue_names", "busy", "started", "heartbeat")
    list_display_links = None
    search_fields = ("name", "hostname")
    ordering = ("stopped_at", "name")
    sortable_by = ()
    actions = None
    change_list_template = "jobs/worker_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        leases = ExecutionLease.objects.filter(worker=OuterRef("name")).order_by()
        running = leases.values("worker").annotate(count=Count("*")).values("count")
        return super().get_queryset(request).annotate(running=Coalesce(Subquery(running), 0))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Workers", **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:jobs_worker_changelist"))

    @admin.display(description="Worker")
    def name_cell(self, worker: Worker) -> SafeString:
        return format_html(
            '<b class="mono">{}</b> <small class="below">process {} on {}</small>',
            worker.name,
            worker.pid,
            worker.hostname,
        )

    @admin.display(description="State")
    def state(self, worker: Worker) -> SafeString:
        return state_chip(state_of(worker))

    @admin.display(description="Queues")
    def queue_names(self, worker: Worker) -> SafeString:
        return format_html_join(" ", '<span class="tag">{}</span>', ((queue,) for queue in worker.queues))

    @admin.display(description="Running")
    def busy(self, worker: Worker) -> str:
        return f"{worker.running} of {worker.concurrency}"  # type: ignore[attr-defined]

    @admin.display(description="Started")
    def started(self, worker: Worker) -> str | SafeString:
        return markup.moment(worker.started_at, now=timezone.now())

    @admin.display(description="Last heartbeat")
    def heartbeat(self, worker: Worker) -> str | SafeString:
        return markup.moment(worker.heartbeat_at, now=timezone.now())
