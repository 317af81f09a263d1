"""What becomes of a message of stock beat, which names a job and no execution: a run outside the ledger, if our own
scheduler is away."""

from __future__ import annotations

from datetime import datetime

from jobs import executions, planner, registry
from jobs.facts import Surroundings
from jobs.models import Job
from jobs.planner import Moment, TickDecision
from scheduler_project.lib import sql, telemetry, transactions

ACTOR = "system:stock-beat"

LEADS = "SELECT 1 FROM scheduler_leases WHERE name = 'scheduler' AND expires_at > clock_timestamp()"


def start(job_id: int, *, message_id: str = "") -> int | None:
    """Queue the run that stock beat asks for and return its id. None when it would be a run too many: our scheduler
    leads and sees to it itself, or by its own rules the job would not run now either."""
    with transactions.engine():
        job = Job.objects.select_for_update(no_key=True).filter(pk=job_id).first()
        refusal = "unknown_job" if job is None else _refusal(job)
        if job is not None and not refusal:
            now = sql.now()
            decision = _decide(job, now)
            refusal = decision.reason
            if decision.fires:
                execution_id = registry.run_now(job, actor=ACTOR, request_id=message_id)
                if decision.replaces:
                    executions.replace(job_id=job.pk, by=execution_id, now=now)
    if refusal:
        telemetry.emit("beat.message_refused", job_id=job_id, reason=refusal)
        return None
    telemetry.emit("beat.message_ran", job_id=job_id, execution_id=execution_id)
    return execution_id


def _refusal(job: Job) -> str:
    if sql.row(LEADS) is not None:
        return "scheduler_leads"
    if job.archived_at is not None:
        return "archived"
    return "" if job.is_enabled else "disabled"


def _decide(job: Job, now: datetime) -> TickDecision:
    """What the planner would make of a tick that is due now."""
    surroundings = Surroundings([job], since=now, now=now)
    return planner.decide(Moment(surroundings.facts(job, next_tick_at=now), due_at=now, now=now))
