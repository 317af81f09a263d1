"""Pausing a queue: what runs goes on, what waits in it or comes later waits until somebody resumes it.

A queue serves all tenants. Who may pause one is the caller's to know.
"""

from __future__ import annotations

from django.db import transaction

from jobs import trail
from jobs.models import PausedQueue
from jobs.workers.queue_status import list_queues
from scheduler_project.lib import sql, telemetry, transactions
from scheduler_project.lib.input import InvalidInput, printable_text

MOST_NOTE = 500

# What was announced while nobody could take it is announced anew, or it would wait until it counts as lost. Rows that
# somebody is changing are left out: then nobody waits for anybody, and the leader's sweep finds what was left.
ANNOUNCE_AGAIN = """
UPDATE job_executions SET published_at = NULL WHERE id IN (
    SELECT id FROM job_executions WHERE queue = %(queue)s AND status = 'queued' AND published_at IS NOT NULL
    FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""


class InvalidPause(InvalidInput):
    """Input that pauses nothing; `fields` has the messages by name."""


class UnknownQueue(Exception):
    """No worker, job or run names such a queue."""


class QueueIsPaused(Exception):
    """Somebody has paused it already."""


class QueueIsNotPaused(Exception):
    """There is nothing to resume."""


def pause(queue: str, *, actor: str, note: str) -> PausedQueue:
    """From now on nobody takes anything from it. Raises `InvalidPause`, `UnknownQueue`, `QueueIsPaused`."""
    note, problem = printable_text(note, most=MOST_NOTE, if_empty="Say why: everybody whose runs wait reads it.")
    if problem:
        raise InvalidPause({"note": [problem]})
    if queue not in (known := [status.queue for status in list_queues()]):
        raise UnknownQueue(f"There is no queue {queue[:100]!r}. Known are {', '.join(known) or 'none'}.")
    with transactions.engine():
        values = {"paused_at": sql.now(), "paused_by": actor, "note": note}
        row, is_new = PausedQueue.objects.get_or_create(queue=queue, defaults=values)
        if not is_new:
            raise QueueIsPaused(
                f"{row.paused_by} has paused {queue} already, since {row.paused_at:%Y-%m-%d %H:%M} UTC: {row.note}."
            )
        trail.tell("queue.paused", row, actor=actor, note=note)
        transaction.on_commit(lambda: telemetry.emit("queue.paused", queue=queue, actor=actor, note=note))
    return row


def resume(queue: str, *, actor: str) -> int:
    """Workers take from it again. Returns how many runs are announced anew. Raises `QueueIsNotPaused`."""
    with transactions.engine():
        row = PausedQueue.objects.select_for_update().filter(queue=queue).first()
        if row is None:
            raise QueueIsNotPaused(f"The queue {queue[:100]} is not paused; there is nothing to resume.")
        before = {"paused_at": row.paused_at, "paused_by": row.paused_by, "note": row.note}
        trail.tell("queue.resumed", row, actor=actor, before=before)
        row.delete()
        waiting = len(sql.rows(ANNOUNCE_AGAIN, {"queue": queue}))
        transaction.on_commit(lambda: telemetry.emit("queue.resumed", queue=queue, actor=actor))
    return waiting
