"""What it means that the process of an attempt is gone: the cause, its words, and what becomes of the execution."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import executions
from jobs.executions import Ending, Settled
from jobs.rules.policy import JobPolicy
from jobs.rules.states import FINISHED, AttemptOutcome, ExecutionStatus
from jobs.tick import publisher, successors
from scheduler_project.lib import sql, telemetry

# What `Orphan.of` reads; `e` is the execution and `l` its lease.
COLUMNS = """e.id, e.policy, e.attempt - e.handed_back_count AS tries, e.lost_count, e.cancel_requested_at,
    l.fence, l.worker, l.pid, l.acquired_at, l.expires_at, coalesce(j.name, t.name) AS job,
    coalesce(j.has_successors, false) AS has_successors,
    clock_timestamp() AS now
FROM execution_leases l
JOIN job_executions e ON e.id = l.execution_id
JOIN job_templates t ON t.id = e.template_id
LEFT JOIN dynamic_jobs j ON j.id = e.job_id"""

OF_PROCESS = f"SELECT {COLUMNS} WHERE l.worker = %(worker)s AND l.pid = %(pid)s"


@dataclass(frozen=True)
class Orphan:
    """An attempt that nobody works on any more, though its lease still stands."""

    execution_id: int
    fence: int
    job: str
    policy: JobPolicy
    tries: int
    losses: int
    is_cancelled: bool
    has_successors: bool
    worker: str
    pid: int
    acquired_at: datetime
    expires_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, row: sql.Row) -> Orphan:
        return cls(
            execution_id=row["id"],
            fence=row["fence"],
            job=row["job"],
            policy=JobPolicy.from_json(sql.loads(row["policy"])),
            tries=row["tries"],
            losses=row["lost_count"],
            is_cancelled=row["cancel_requested_at"] is not None,
            has_successors=row["has_successors"],
            worker=row["worker"],
            pid=row["pid"],
            acquired_at=row["acquired_at"],
            expires_at=row["expires_at"],
            seen_at=row["now"],
        )


def settle(orphan: Orphan, *, died_at: datetime, how: str, while_stopping: bool = False) -> Settled | None:
    """End the attempt by its fence; None when it was settled meanwhile. `died_at` is the latest instant at which its
    process can have lived, and `how` says in a sentence what became of it."""
    outcome = _cause(orphan, died_at=died_at, while_stopping=while_stopping)
    error = _words(outcome, orphan, how)
    settled = executions.settle(
        Ending(outcome, error=error, error_class="WorkerLost" if error else ""),
        execution_id=orphan.execution_id,
        fence=orphan.fence,
        policy=orphan.policy,
        tries=orphan.tries,
        losses=orphan.losses,
    )
    if settled is None:
        return None
    telemetry.emit(
        f"execution.{outcome.value}",
        execution_id=orphan.execution_id,
        job=orphan.job,
        worker=orphan.worker,
        status=settled.status.value,
        seconds=settled.seconds,
        error=error or how,
    )
    if settled.status is ExecutionStatus.QUEUED:
        publisher.announce_soon([orphan.execution_id])
    publisher.publish_freed(settled)
    if orphan.has_successors and settled.status in FINISHED:
        successors.release(orphan.execution_id)
    return settled


def settle_process(worker: str, pid: int, *, while_stopping: bool = False) -> None:
    """End what a process of this worker has left behind. It must be gone."""
    for row in sql.rows(OF_PROCESS, {"worker": worker, "pid": pid}):
        orphan = Orphan.of(row)
        how = f"Process {pid} of {worker} died."
        settle(orphan, died_at=orphan.seen_at, how=how, while_stopping=while_stopping)


def _cause(orphan: Orphan, *, died_at: datetime, while_stopping: bool) -> AttemptOutcome:
    if orphan.is_cancelled:
        return AttemptOutcome.CANCELLED
    if orphan.acquired_at + timedelta(seconds=orphan.policy.timeout_seconds) <= died_at:
        return AttemptOutcome.TIMED_OUT
    return AttemptOutcome.HANDED_BACK if while_stopping else AttemptOutcome.LOST


def _words(outcome: AttemptOutcome, orphan: Orphan, how: str) -> str:
    if outcome is AttemptOutcome.TIMED_OUT:
        return f"Ran longer than its limit of {orphan.policy.timeout_seconds} s and was stopped."
    return how if outcome is AttemptOutcome.LOST else ""
