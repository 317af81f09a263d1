"""Backfills in the admin: the list, the form with its plan, and a page that shows how far one is."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import backfill as backfills
from jobs.admin.backfills.form import BackfillForm
from jobs.admin.chips import state_chip
from jobs.admin.jobs.columns import job_url
from jobs.admin.jobs.operations import Caller
from jobs.admin.many_runs import SHOWN, ManyRunsAdmin, progress_facts, require_run
from jobs.backfill import BackfillHasEnded, BackfillIsRunning, Plan
from jobs.definition import InvalidJob
from jobs.executions import JobIsArchived
from jobs.models import Backfill, Job
from jobs.rules.states import BackfillStatus
from scheduler_project.lib import markup, sql


@admin.register(Backfill)
class BackfillAdmin(ManyRunsAdmin):
    list_display = ("number", "status_chip", "job_link", "window", "pace", "asked_by", "started")
    list_select_related = ("job",)
    list_title = "Backfills"
    change_list_template = "jobs/backfills/list.html"
    page_template = "jobs/backfills/page.html"
    live_template = "jobs/backfills/live.html"
    has_ended = BackfillHasEnded

    def cancel(self, row_id: int, *, actor: str) -> None:
        backfills.cancel(row_id, actor=actor)

    # --- columns ---

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

    # --- pages ---

    def get_urls(self) -> list[URLPattern]:
        start = self.admin_site.admin_view(self.start_view)
        return [path("of/<int:job_id>/", start, name="jobs_backfill_start"), *super().get_urls()]

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

    def _start(self, request: HttpRequest, job: Job, wishes: dict[str, Any]) -> HttpResponse:
        caller = Caller.of(request)
        started = backfills.start(job, actor=caller.actor, request_id=caller.request_id, **wishes)
        messages.success(request, f"Started. The first run of {job.name} is queued within a second or two.")
        return HttpResponseRedirect(backfill_url(started.pk))

    def _job(self, request: HttpRequest, job_id: int) -> Job:
        job = Job.objects.select_related("template").filter(pk=job_id).first()
        if job is None:
            raise Http404(f"There is no job {job_id}.")
        require_run(request, job.tenant_id, "backfill this job")
        return job

    def facts(self, request: HttpRequest, row: Backfill) -> dict[str, Any]:
        runs, is_running = row.runs.order_by("due_at")[:SHOWN], row.status == BackfillStatus.RUNNING
        shared = progress_facts(request, row, backfills.progress(row), runs, is_running=is_running)
        return {**shared, "backfill": row, "job": row.job}


def backfill_url(backfill_id: int) -> str:
    return reverse("admin:jobs_backfill_change", args=[backfill_id])


def _counts(plan: Plan | None) -> list[tuple[str, int]]:
    return Counter(run.outcome for run in plan.runs).most_common() if plan else []
