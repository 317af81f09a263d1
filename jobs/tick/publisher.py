"""Announces executions that wait, after they were committed. Runs beside the tick loop, never in it."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.backends.base import Announcement, Backend, get_backend
from scheduler_project.lib import sql, telemetry

BATCH = 500

# An execution whose job has no free slot is left alone: its announcement would be wasted, and whoever frees the slot
# announces the next one. `skip locked` lets several publishers share the work.
FIND = """
SELECT e.id, e.queue, e.priority FROM job_executions e
WHERE e.status = 'queued' AND e.published_at IS NULL AND e.available_at <= clock_timestamp()
  AND (e.max_instances IS NULL OR e.max_instances > (
      SELECT count(*) FROM execution_leases l WHERE l.job_id = e.job_id AND l.job_slot IS NOT NULL))
ORDER BY e.priority, e.id
LIMIT %(limit)s
"""

MARK = """
UPDATE job_executions SET published_at = clock_timestamp(), publish_count = publish_count + 1
WHERE id = ANY(%(ids)s) AND status = 'queued'
"""


def publish(announcements: Sequence[Announcement], backend: Backend | None = None) -> None:
    """Announce these now and remember that they were. Raises `BackendUnavailable`."""
    if not announcements:
        return
    (backend or get_backend()).announce(announcements)
    sql.rows(MARK, {"ids": [announcement.execution_id for announcement in announcements]})
    for announcement in announcements:
        telemetry.emit("execution.dispatched", execution_id=announcement.execution_id, queue=announcement.queue)


def publish_waiting(backend: Backend | None = None) -> int:
    """Announce everything that waits and was not announced yet. Returns how many."""
    published = 0
    while True:
        batch = [Announcement(row["id"], row["queue"], row["priority"]) for row in sql.rows(FIND, {"limit": BATCH})]
        publish(batch, backend)
        published += len(batch)
        if len(batch) < BATCH:
            return published
