"""The page of one execution: its state and log, refreshed while it waits or runs, and what it leaves behind."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse

from accounts import access
from accounts.scopes import Scope
from jobs import dependencies, reruns
from jobs.admin.charts import attempts as charts
from jobs.admin.chips import STATES
from jobs.admin.editor import parameters
from jobs.admin.executions import approvals, celery_result, failure, lineage, log, retries
from jobs.admin.reasons import in_words
from jobs.explain import Step, explain_execution
from jobs.forecast import remaining
from jobs.models import Attempt, Execution, ExecutionLease, Job, Tick
from jobs.rules.dependency import GateState
from jobs.rules.states import ACTIVE, AttemptOutcome, ExecutionStatus, HeldFor, Trigger
from scheduler_project.lib import markup, sql

UNSUCCESSFUL = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.LOST, ExecutionStatus.DEAD)
TRIGGERS = {
    Trigger.SCHEDULE: "Schedule",
    Trigger.MANUAL: "By hand",
    Trigger.API: "API",
    Trigger.DEPENDENCY: "Dependency",
    Trigger.BACKFILL: "Backfill",
    Trigger.EVENT: "Event",
    Trigger.REPLAY: "Replay",
}


def respond(request: HttpRequest, site_context: dict[str, Any], row: Execution) -> HttpResponse:
    job = find_job(row)
    context = {
        **site_context,
        **_live_context(request, row, job),
        "title": f"Execution {row.pk}",
        "opts": Execution._meta,
        "parameters": parameters.masked(row.template, row.parameters),
        **log.context_of(request, row),
        "tick": _tick_of(row),
        "celery_result": celery_result.of(request, row),
        **approvals.context_of(request, row),
        "repeats": lineage.repeats_of(row),
        "repeated": lineage.repeated_by(row),
        "started_by": dependencies.started_by(row.pk),
        "successors": dependencies.successors_of(row.pk),
    }
    return TemplateResponse(request, "jobs/executions/page.html", context)


def _tick_of(row: Execution) -> Tick | None:
    """What the ledger says of its instant: of a backfill, what became of it then."""
    if row.scheduled_for is None or row.job_id is None:
        return None
    return Tick.objects.filter(job_id=row.job_id, due_at=row.scheduled_for).first()


def live_fragment(request: HttpRequest, row: Execution) -> HttpResponse:
    job = find_job(row)
    context = {**_live_context(request, row, job), "is_fragment": True}
    return TemplateResponse(request, "jobs/executions/live.html", context)


def status(row: Execution) -> HttpResponse:
    """For a page that nobody looks at: whether the run has ended, in few words."""
    word, tone, _ = STATES[approvals.shown_state(row)]
    return JsonResponse({"is_active": row.status in ACTIVE, "word": word, "tone": tone})


def find_job(row: Execution) -> Job | None:
    return Job.objects.select_related("template", "tenant").filter(pk=row.job_id).first() if row.job_id else None


def waited_and_ran(row: Execution, *, now: datetime) -> tuple[float | None, float | None]:
    """Seconds in the queue before the first start, and from there to the end; what waits for another try has none."""
    begun = row.started_at or row.finished_at or now
    waited = (begun - row.created_at).total_seconds()
    if row.status == ExecutionStatus.QUEUED:
        return waited, None
    ran = markup.span(row.started_at, row.finished_at, now=now)
    return waited, None if ran is None else ran.total_seconds()


def trigger_in_words(row: Execution) -> tuple[str, str]:
    """How it was started, and by whom when it was not the schedule."""
    kind = Trigger(row.trigger)
    who = row.requested_by.partition(":")[2] or row.requested_by
    return TRIGGERS[kind], "" if kind is Trigger.SCHEDULE else f"by {who}" if who else ""


def _live_context(request: HttpRequest, row: Execution, job: Job | None) -> dict[str, Any]:
    now = sql.now()
    is_active = row.status in ACTIVE
    lease = ExecutionLease.objects.filter(pk=row.pk).first() if is_active else None
    attempts = list(Attempt.objects.filter(execution_id=row.pk).order_by("number"))
    tries = charts.tries(row, attempts, now=now)
    waited, ran = waited_and_ran(row, now=now)
    if tries:
        ran = sum(one.ran_seconds for one in tries)
    may_run = access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id)
    trigger, by = trigger_in_words(row)
    state = approvals.shown_state(row)
    return {
        "execution": row,
        "state": state,
        "state_word": STATES[state][0],
        "state_tone": STATES[state][1],
        "cancel_steps": approvals.cancel_steps(row),
        "job": job,
        "subtitle": job.name if job else row.template.title or row.template.name,
        "now": now,
        "is_active": is_active,
        "waits": _waits(row, now),
        "gates": _gates(row, now),
        "reason": in_words(row.reason) if row.reason and not is_active else "",
        "tries": tries,
        "most_attempts": row.max_attempts + sum(attempt.outcome == AttemptOutcome.HANDED_BACK for attempt in attempts),
        "traceback": next((attempt.traceback for attempt in reversed(attempts) if attempt.traceback), ""),
        "worker": lease.worker if lease else (attempts[-1].worker if attempts else ""),
        "progress": _progress(lease),
        "remaining": remaining.estimate(row, lease.progress, now=now) if lease else None,
        "running_since": attempts[-1].started_at if lease and attempts else None,
        "waited": waited,
        "ran": ran,
        "trigger": trigger,
        "trigger_by": by,
        "beside": lineage.beside(row),
        "failure": failure.of(row),
        "may_cancel": may_run and is_active and row.cancel_requested_at is None,
        "may_run_again": not is_active and _may_run_again(request, row, job),
        "may_edit": not is_active and may_run and reruns.why_not(row, job) == "",
        **retries.context_of(request, row),
        "shows_result": row.result is not None,
    }


def _waits(row: Execution, now: datetime) -> Step | None:
    """What stands in the way of a run that waits; approval and other jobs are told of with more than words."""
    if row.status != ExecutionStatus.QUEUED or row.held_for in (HeldFor.APPROVAL, HeldFor.UPSTREAM):
        return None
    return explain_execution(row, now=now).blocked_by


def _may_run_again(request: HttpRequest, row: Execution, job: Job | None) -> bool:
    if row.job_id is None:
        return access.may(request.user, Scope.TASK_CREATE, row.tenant_id)
    may_run = access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id)
    return may_run and job is not None and job.archived_at is None


def _gates(row: Execution, now: datetime) -> list[dependencies.Gate]:
    """Those that hold the run."""
    if row.status != ExecutionStatus.QUEUED or row.held_for != HeldFor.UPSTREAM:
        return []
    return [gate for gate in dependencies.look_at_gates(row.pk, now=now) if gate.state is GateState.PENDING]


def _progress(lease: ExecutionLease | None) -> dict[str, Any] | None:
    if lease is None or not lease.progress:
        return None
    done, total = lease.progress.get("done", 0), lease.progress.get("total")
    percent = min(max(round(100 * done / total), 0), 100) if total else None
    return {"done": done, "total": total, "text": lease.progress.get("text", ""), "percent": percent}
