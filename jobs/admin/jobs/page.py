"""The page of one job: what it is, what it did, why it did not run, and who changed it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import access
from accounts.scopes import Scope
from jobs import dependencies
from jobs.admin.charts import recent_runs
from jobs.admin.chips import job_state
from jobs.admin.editor import parameters, schedule_preview
from jobs.admin.jobs.operations import OPERATIONS
from jobs.models import Calendar, Execution, Job, JobRevision, Tick
from jobs.rules.policy import JobPolicy
from jobs.rules.states import Origin, Overlap
from scheduler_project.lib import markup, sql

RUNS, DECISIONS, REVISIONS = 10, 15, 10

OVERLAP_WORDS = {
    Overlap.SKIP: "the new run is skipped",
    Overlap.QUEUE_ONE: "one run waits",
    Overlap.QUEUE_ALL: "all runs wait",
    Overlap.ALLOW: "runs go side by side",
    Overlap.REPLACE: "the earlier run is cancelled",
}
MISFIRE_WORDS = {"last": "the newest runs late", "all": "all run late", "none": "none runs late"}


def respond(request: HttpRequest, site_context: dict[str, Any], job: Job) -> HttpResponse:
    now = sql.now()
    executions = list(newest_executions(job.pk))
    runs = recent_runs.find([job.pk])[job.pk]
    upstream, downstream = dependencies.edges_of(job.pk)
    context = {
        **site_context,
        "title": job.name,
        "opts": Job._meta,
        "job": job,
        "state": job_state(job),
        "preview": _preview(job, now),
        "executions": executions,
        "bars": recent_runs.bars(runs),
        "summary": recent_runs.summary(runs) if runs else "",
        "ticks": list(Tick.objects.filter(job_id=job.pk).order_by("-due_at")[:DECISIONS]),
        "revisions": list(JobRevision.objects.filter(job_id=job.pk).order_by("-number")[:REVISIONS]),
        "parameters": parameters.masked(job.template, job.parameters),
        "policies": policies_in_words(job.policies),
        "may_see_audit": access.may(request.user, Scope.AUDIT_READ, job.tenant_id),
        "calendars": Calendar.objects.filter(tenant=job.tenant_id, slug__in=job.calendars).order_by("name"),
        "operations": {
            name.replace("-", "_"): operation.is_open_to(request, job) for name, operation in OPERATIONS.items()
        },
        "may_edit": job.archived_at is None and access.may(request.user, Scope.SCHEDULER_WRITE, job.tenant_id),
        "shows_tenant": access.tenants(request.user).count() > 1,
        "event_hooks": job.event_hooks.order_by("name", "pk"),
        "upstream": upstream,
        "downstream": downstream,
        "is_adopted": job.origin == Origin.ADOPTED,
    }
    return TemplateResponse(request, "jobs/jobs/page.html", context)


def newest_executions(job_id: int) -> QuerySet[Execution]:
    """As the job's own index has them, so that a job that ran seldom costs no walk of the whole table."""
    return Execution.objects.filter(job_id__gte=job_id, job_id__lte=job_id).order_by("job_id", "-id")[:RUNS]


def _preview(job: Job, now: datetime) -> schedule_preview.Preview | None:
    try:
        return schedule_preview.of_job(job, now=now)
    except (ValueError, TypeError):
        return None  # quarantined: the page shows the job's problem instead


def policies_in_words(policy: JobPolicy) -> list[tuple[str, str]]:
    retries = "none"
    if policy.max_retries:
        waits = f"{markup.duration(policy.retry_base_seconds)} to {markup.duration(policy.retry_cap_seconds)} apart"
        retries = f"{policy.max_retries}, {waits}"
    rows = [
        ("Overlap", OVERLAP_WORDS[policy.overlap] + (f", {policy.slots} at once" if (policy.slots or 0) > 1 else "")),
        ("Missed runs", f"{MISFIRE_WORDS[policy.misfire]}, within {markup.duration(policy.misfire_window_seconds)}"),
        ("Time limit", markup.duration(policy.timeout_seconds)),
        ("Retries", retries),
        ("Worker lost", "tries again" if policy.on_lost == "retry" else "fails"),
    ]
    if policy.requires_approval:
        rows.append(("Approval", "each run waits for it"))
    if policy.on_queue_full == "degrade":
        rows.append(("Queue full", "waits in a lower priority"))
    if policy.soft_timeout_seconds:
        rows.insert(3, ("Warning limit", markup.duration(policy.soft_timeout_seconds)))
    if policy.start_deadline_seconds:
        rows.append(("Start deadline", markup.duration(policy.start_deadline_seconds)))
    if policy.max_runs:
        rows.append(("Runs in total", str(policy.max_runs)))
    if policy.pause_after_failures:
        rows.append(("Paused after", f"{policy.pause_after_failures} failed in a row"))
    return rows
