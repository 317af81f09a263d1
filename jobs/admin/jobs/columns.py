"""The columns of the list of jobs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import access
from jobs.admin.charts import recent_runs
from jobs.admin.chips import job_chip, origin_chip, state_chip
from jobs.models import Job
from jobs.rules.schedule import describe
from scheduler_project.lib import markup


class JobChangeList(ChangeList):
    """Brings the last runs of the page's jobs along."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        jobs: list[Any] = list(self.result_list)
        runs = recent_runs.find([job.pk for job in jobs])
        shows_tenant = access.tenants(request.user).count() > 1
        for job in jobs:
            job.recent_runs, job.shows_tenant = runs[job.pk], shows_tenant
        self.result_list = jobs
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count  # archived jobs are no part of what was searched


def schedule_in_words(job: Job) -> str:
    """The sentence, or that the stored schedule cannot be read any more."""
    try:
        return describe(job.schedule)
    except (ValueError, TypeError):
        return "The stored schedule cannot be read"


def job_url(job_id: int | None) -> str:
    return reverse("admin:jobs_job_page", args=[job_id])


def execution_url(execution_id: int) -> str:
    return reverse("admin:jobs_execution_change", args=[execution_id])


class JobColumns:
    """Mixed into the admin of jobs. Few columns, so that the list fits beside navigation and filters."""

    @admin.display(description="Job", ordering="name")
    def job(self, job: Any) -> SafeString:
        facts = [job.template.title or job.template.name]
        facts += [f"queue {job.queue}"] if job.queue != "default" else []
        facts += [job.tenant.name] if job.shows_tenant else []
        tags = format_html_join("", '<span class="tag">{}</span>', ((tag,) for tag in job.tags))
        return format_html(
            '<a class="row-link" href="{}">{}</a><small class="below">{}</small>{}',
            job_url(job.pk),
            job.name,
            " · ".join(facts),
            format_html('<span class="tags">{}</span>', tags) if tags else "",
        )

    @admin.display(description="State")
    def state(self, job: Job) -> SafeString:
        return format_html('<span class="chips">{}{}</span>', job_chip(job), origin_chip(job))

    @admin.display(description="Schedule")
    def schedule(self, job: Job) -> SafeString:
        words, _, zone = schedule_in_words(job).rpartition(" (")
        return format_html(
            '<span title="{}">{}</span>{}',
            job.spec.get("cron", ""),
            words or zone,
            format_html(' <small class="below">{}</small>', zone.rstrip(")")) if words else "",
        )

    @admin.display(description="Next run", ordering="next_tick_at")
    def next_run(self, job: Job) -> str | SafeString:
        if job.is_paused and job.next_tick_at is not None:
            return format_html('<span class="soft">{}</span>', "Skipped while paused")
        return markup.moment(job.next_tick_at, now=timezone.now())

    @admin.display(description="Last outcome", ordering="last_finished_at")
    def last_outcome(self, job: Any) -> SafeString:
        newest = next((run for run in reversed(job.recent_runs) if run.status != "queued"), None)
        if newest is None:
            return format_html('<span class="soft">{}</span>', "Never ran")
        ended = markup.relative(newest.finished_at, timezone.now()) if newest.finished_at else ""
        return _outcome(newest.id, newest.status, recent_runs.bars(job.recent_runs), ended)


def _outcome(execution_id: int, status: str, bars: str, ended: str) -> SafeString:
    return format_html(
        '<a href="{}">{}</a><span class="outcome">{}<small>{}</small></span>',
        execution_url(execution_id),
        state_chip(status),
        bars,
        ended,
    )
