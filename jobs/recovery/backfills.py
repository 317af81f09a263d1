"""Queues the runs of backfills at their pace, and ends the backfills that have none left."""

from __future__ import annotations

from jobs import backfill as backfills
from jobs import executions
from jobs.models import Backfill
from jobs.rules.states import BackfillStatus, Trigger
from scheduler_project.lib import sql, telemetry, transactions

# By the index of the job's active executions: those of the backfill that ended are never looked at.
ACTIVE = """
SELECT count(*) AS count FROM job_executions e
JOIN backfill_runs r ON r.execution_id = e.id AND r.backfill_id = %(backfill)s
WHERE e.job_id = %(job)s AND e.status IN ('queued', 'running') AND e.trigger = 'backfill'
"""


def sweep() -> int:
    """One look at each backfill that runs. Returns how many executions were queued."""
    running = Backfill.objects.filter(status=BackfillStatus.RUNNING).order_by("id")
    return sum(_go_on(backfill_id) for backfill_id in running.values_list("pk", flat=True))


def _go_on(backfill_id: int) -> int:
    """The lock on its row keeps a second sweep out, whoever else believes to lead; the next comes within a second."""
    with transactions.engine():
        found = Backfill.objects.select_for_update(skip_locked=True, of=("self",)).select_related("job")
        backfill = found.filter(pk=backfill_id, status=BackfillStatus.RUNNING).first()
        if backfill is None:
            return 0
        queued, has_ended = _queue(backfill)
        if has_ended:
            is_archived = backfill.job.archived_at is not None
            status = BackfillStatus.CANCELLED if is_archived else BackfillStatus.DONE
            backfills.end(backfill, status, now=sql.now())
    if has_ended:
        telemetry.emit("backfill.ended", backfill=backfill.pk, job=backfill.job.name, status=backfill.status)
    return queued


def _queue(backfill: Backfill) -> tuple[int, bool]:
    """How many runs were queued, and whether the backfill is at its end."""
    if backfill.job.archived_at is not None:
        return 0, True
    active = sql.row(ACTIVE, {"backfill": backfill.pk, "job": backfill.job_id})
    assert active is not None
    free = backfill.at_once - int(active["count"])
    waiting = list(backfill.runs.filter(execution_id=None).order_by("due_at")[: max(free, 1)])
    if not waiting:
        return 0, not active["count"]
    for run in waiting[: max(free, 0)]:
        run.execution_id = executions.create(
            job=backfill.job,
            trigger=Trigger.BACKFILL,
            requested_by=backfill.requested_by,
            request_id=backfill.request_id,
            scheduled_for=run.due_at,
            dry_run=backfill.dry_run,
        )
        run.save(update_fields=["execution_id"])
    return len(waiting[: max(free, 0)]), False
