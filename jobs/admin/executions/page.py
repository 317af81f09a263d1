"""The page of one execution: its state and log, refreshed while it waits or runs, and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import access
from accounts.scopes import Scope
from jobs import dependencies
from jobs.admin.editor import parameters
from jobs.admin.executions import approvals, celery_result, retries
from jobs.admin.reasons import in_words
from jobs.forecast import remaining
from jobs.models import Attempt, Execution, ExecutionLease, Job, LogLine, Tick
from jobs.rules.dependency import GateState
from jobs.rules.states import ACTIVE, AttemptOutcome, ExecutionStatus, HeldFor, Trigger
from scheduler_project.lib import markup, sql

TAIL = 500
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
REFRESH_SECONDS = 2


@dataclass(frozen=True)
class Log:
    lines: list[LogLine]
    # Whether earlier lines exist that are not shown.
    is_cut: bool
    last: int


def respond(request: HttpRequest, site_context: dict[str, Any], row: Execution) -> HttpResponse:
    job = find_job(row)
    context = {
        **site_context,
        **_live_context(request, row, job),
        "title": f"Execution {row.pk}",
        "subtitle": job.name if job else row.template.title or row.template.name,
        "opts": Execution._meta,
        "parameters": parameters.masked(row.template, row.parameters),
        "log": _log(row, everything=request.GET.get("log") == "all"),
        "tick": _tick_of(row),
        "celery_result": celery_result.of(request, row),
        **approvals.context_of(request, row),
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
    return TemplateResponse(request, "jobs/executions/live.html", _live_context(request, row, job))


def log_fragment(request: HttpRequest, row: Execution) -> HttpResponse:
    """The lines after `after`; once the run has ended and all are there, the answer no longer asks for more."""
    asked = request.GET.get("after", "")
    after = int(asked) if asked.isdecimal() and len(asked) < 10 else 0
    lines = list(_lines(row).filter(sequence__gt=after)[:TAIL])
    has_more = len(lines) == TAIL
    context = {
        "execution": row,
        "log": Log(lines, is_cut=False, last=lines[-1].sequence if lines else after),
        "goes_on": row.status in ACTIVE or has_more,
        "refresh_seconds": REFRESH_SECONDS,
    }
    return TemplateResponse(request, "jobs/executions/log_lines.html", context)


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
    waited, ran = waited_and_ran(row, now=now)
    if attempts:
        ran = sum(_seconds(attempt, now) for attempt in attempts)
    may_run = access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id)
    trigger, by = trigger_in_words(row)
    return {
        "execution": row,
        "state": approvals.shown_state(row),
        "cancel_steps": approvals.cancel_steps(row),
        "job": job,
        "now": now,
        "is_active": is_active,
        "gates": _gates(row, now),
        "waits_for_slot": _waits_for_slot(row),
        "refresh_seconds": REFRESH_SECONDS,
        "reason": in_words(row.reason) if row.reason else "",
        "attempts": [(attempt, _seconds(attempt, now)) for attempt in attempts],
        "most_attempts": row.max_attempts + sum(attempt.outcome == AttemptOutcome.HANDED_BACK for attempt in attempts),
        "traceback": next((attempt.traceback for attempt in reversed(attempts) if attempt.traceback), ""),
        "worker": lease.worker if lease else (attempts[-1].worker if attempts else ""),
        "progress": _progress(lease),
        "remaining": remaining.estimate(row, lease.progress, now=now) if lease else None,
        "heartbeat_due_at": lease.expires_at if lease else None,
        "waited": waited,
        "ran": ran,
        "trigger": trigger,
        "trigger_by": by,
        "may_cancel": may_run and is_active and row.cancel_requested_at is None,
        "may_run_again": not is_active and _may_run_again(request, row, job),
        **retries.context_of(request, row),
        "shows_result": row.result is not None,
    }


def _may_run_again(request: HttpRequest, row: Execution, job: Job | None) -> bool:
    if row.job_id is None:
        return access.may(request.user, Scope.TASK_CREATE, row.tenant_id)
    may_run = access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id)
    return may_run and job is not None and job.archived_at is None


def _waits_for_slot(row: Execution) -> str:
    if row.status != ExecutionStatus.QUEUED or row.held_for != HeldFor.SLOT:
        return ""
    return "Waits for a free slot of its job or pool." if row.pool_id else "Waits for a free slot of its job."


def _gates(row: Execution, now: datetime) -> list[dependencies.Gate]:
    """Those that hold the run."""
    if row.status != ExecutionStatus.QUEUED or row.held_for != HeldFor.UPSTREAM:
        return []
    return [gate for gate in dependencies.look_at_gates(row.pk, now=now) if gate.state is GateState.PENDING]


def _seconds(attempt: Attempt, now: datetime) -> float:
    return ((attempt.finished_at or now) - attempt.started_at).total_seconds()


def _progress(lease: ExecutionLease | None) -> dict[str, Any] | None:
    if lease is None or not lease.progress:
        return None
    done, total = lease.progress.get("done", 0), lease.progress.get("total")
    return {"done": done, "total": total, "text": lease.progress.get("text", "")}


def _lines(row: Execution) -> Any:
    return LogLine.objects.filter(execution_id=row.pk).order_by("sequence")


def _log(row: Execution, *, everything: bool) -> Log:
    if everything:
        lines = list(_lines(row))
        return Log(lines, is_cut=False, last=lines[-1].sequence if lines else 0)
    lines = list(reversed(_lines(row).order_by("-sequence")[: TAIL + 1]))
    is_cut = len(lines) > TAIL
    return Log(lines[-TAIL:], is_cut=is_cut, last=lines[-1].sequence if lines else 0)
