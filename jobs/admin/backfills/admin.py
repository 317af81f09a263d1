"""Backfills in the admin: the list, the form with its plan, and a page that shows how far one is."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs import backfill as backfills
from jobs.admin.backfills.form import BackfillForm
from jobs.admin.chips import state_chip
from jobs.admin.jobs.columns import job_url
from jobs.admin.jobs.operations import Caller
from jobs.backfill import BackfillHasEnded, BackfillIsRunning, Plan
from jobs.definition import InvalidJob
from jobs.executions import JobIsArchived
from jobs.models import Backfill, Execution, Job
from jobs.rules.states import BackfillStatus
from scheduler_project.lib import markup, sql

SHOWN = 100


@admin.register(Backfill)
class BackfillAdmin(TenantAdmin[Backfill]):
    list_display = ("number", "status_chip", "job_link", "window", "pace", "asked_by", "started")
    list_display_links = None
    list_filter = ("status",)
    list_select_related = ("job",)
    list_per_page = 50
    sortable_by = ()
    ordering = ("-id",)
    actions = None
    change_list_template = "jobs/backfills/list.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Backfills", **(extra_context or {})})

    # --- columns ---

    @admin.display(description="No.")
    def number(self, row: Backfill) -> SafeString:
        return format_html('<a class="row-link" href="{}">{}</a>', backfill_url(row.pk), row.pk)

    @admin.display(description="Status")
    def status_chip(self, row: Backfill) -> SafeString:
        return state_chip(row.status)

    @admin.display(description="Job")
    def job_link(self, row: Backfill) -> SafeString:
        dry = format_html(' <span class="tag">{}</span>', "dry run") if row.dry_run else ""
        return format_html('<a href="{}">{}</a>{}', job_url(row.job_id), row.job.name, dry)

    @admin.display(description="Window")
    def window(self, row: Backfill) -> SafeString:
        now = timezone.now()
        return format_html("{} to {}", markup.instant(row.since, now=now), markup.instant(row.until, now=now))

    @admin.display(description="At once")
    def pace(self, row: Backfill) -> int:
        return row.at_once

    @admin.display(description="Asked for by")
    def asked_by(self, row: Backfill) -> str:
        return row.requested_by

    @admin.display(description="Started")
    def started(self, row: Backfill) -> str | SafeString:
        return markup.moment(row.created_at, now=timezone.now())

    # --- pages ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("of/<int:job_id>/", view(self.start_view), name="jobs_backfill_start"),
            path("<int:backfill_id>/live/", view(self.live_view), name="jobs_backfill_live"),
            path("<int:backfill_id>/cancel/", view(self.cancel_view), name="jobs_backfill_cancel"),
            *super().get_urls(),
        ]

    def start_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """The form; sent with `plan` it shows what would run, sent with `start` it starts that."""
        job = self._job(request, job_id)
        now = sql.now()
        form = BackfillForm(job, request.POST if request.method == "POST" else None, now=now)
        plan = None
        if request.method == "POST" and form.is_valid():
            try:
                if "start" in request.POST:
                    return self._start(request, job, form.wishes())
                wishes = form.wishes()
                plan = backfills.plan(job, wishes["since"], wishes["until"], only=wishes["only"])
            except InvalidJob as error:
                form.refuse(error.fields)
            except (JobIsArchived, BackfillIsRunning) as error:
                form.refuse({"": [str(error)]})
        context = {
            **self.admin_site.each_context(request),
            "title": f"Backfill {job.name}",
            "opts": Backfill._meta,
            "job": job,
            "form": form,
            "zone": form.zone.key,
            "plan": plan,
            "counts": _counts(plan),
            "shown": plan.runs[:SHOWN] if plan else (),
            "earlier": list(Backfill.objects.filter(job=job)[:5]),
        }
        return TemplateResponse(request, "jobs/backfills/form.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            **self._facts(request, row),
            "title": str(row),
            "opts": Backfill._meta,
        }
        return TemplateResponse(request, "jobs/backfills/page.html", context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(backfill_url(self.get_object(request, object_id).pk))

    def live_view(self, request: HttpRequest, backfill_id: int) -> HttpResponse:
        row = self.get_object(request, str(backfill_id))
        return TemplateResponse(request, "jobs/backfills/live.html", self._facts(request, row))

    def cancel_view(self, request: HttpRequest, backfill_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self.get_object(request, str(backfill_id))
        _require(request, row.tenant_id, "cancel it")
        try:
            backfills.cancel(row.pk, actor=Caller.of(request).actor)
        except BackfillHasEnded as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "Cancelled. What runs goes on to its end.")
        return HttpResponseRedirect(backfill_url(row.pk))

    def _start(self, request: HttpRequest, job: Job, wishes: dict[str, Any]) -> HttpResponse:
        caller = Caller.of(request)
        started = backfills.start(job, actor=caller.actor, request_id=caller.request_id, **wishes)
        messages.success(request, f"Started. The first run of {job.name} is queued within a second or two.")
        return HttpResponseRedirect(backfill_url(started.pk))

    def _job(self, request: HttpRequest, job_id: int) -> Job:
        job = Job.objects.select_related("template").filter(pk=job_id).first()
        if job is None:
            raise Http404(f"There is no job {job_id}.")
        _require(request, job.tenant_id, "backfill this job")
        return job

    def _facts(self, request: HttpRequest, row: Backfill) -> dict[str, Any]:
        progress = backfills.progress(row)
        runs = list(row.runs.order_by("due_at")[:SHOWN])
        found = Execution.objects.in_bulk([run.execution_id for run in runs if run.execution_id is not None])
        is_running = row.status == BackfillStatus.RUNNING
        return {
            "backfill": row,
            "job": row.job,
            "progress": progress,
            "ended": progress.succeeded + progress.failed + progress.cancelled,
            "runs": [(run, found.get(run.execution_id or 0)) for run in runs],
            "is_running": is_running,
            "is_active": is_running or progress.queued + progress.running > 0,
            "may_cancel": is_running and access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id),
            "now": timezone.now(),
        }


def backfill_url(backfill_id: int) -> str:
    return reverse("admin:jobs_backfill_change", args=[backfill_id])


def _require(request: HttpRequest, tenant_id: int, verb: str) -> None:
    if not access.may(request.user, Scope.SCHEDULER_RUN, tenant_id):
        raise PermissionDenied(f"Your role does not allow you to {verb}.")


def _counts(plan: Plan | None) -> list[tuple[str, int]]:
    return Counter(run.outcome for run in plan.runs).most_common() if plan else []
