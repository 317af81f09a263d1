"""Announces again what was announced and never taken: a lost message, a Redis that lost its data."""

from __future__ import annotations

from jobs.backends.base import Backend
from jobs.backends.base import get_backend as default_backend
from scheduler_project.lib import sql, telemetry

FORGET_ALL = """
UPDATE job_executions SET published_at = NULL WHERE status = 'queued' AND published_at IS NOT NULL RETURNING id
"""

PUBLISHED = """
SELECT queue, count(*) AS unclaimed FROM job_executions
WHERE status = 'queued' AND published_at IS NOT NULL AND available_at <= clock_timestamp()
GROUP BY queue
"""

# The wait grows with each announcement, so that a queue nobody serves is not flooded.
FORGET_STALE = """
UPDATE job_executions SET published_at = NULL
WHERE id = ANY(ARRAY(
    SELECT id FROM job_executions
    WHERE status = 'queued' AND queue = %(queue)s
      AND published_at < clock_timestamp() - make_interval(secs => %(wait)s * least(publish_count, 6))
    ORDER BY priority, id LIMIT %(missing)s
    FOR UPDATE SKIP LOCKED))
RETURNING id
"""


def redeliver(backend: Backend | None = None, *, wait_seconds: float = 2.0) -> int:
    """Mark what was lost on the way as not announced, for the publisher. Returns how many."""
    backend = backend or default_backend()
    if backend.has_lost_its_memory():
        return _told(len(sql.rows(FORGET_ALL)))
    found = 0
    for row in sql.rows(PUBLISHED):
        # As long as the queue holds a message for each, they only have to wait their turn.
        missing = row["unclaimed"] - backend.waiting(row["queue"])
        if missing > 0:
            found += len(sql.rows(FORGET_STALE, {"queue": row["queue"], "wait": wait_seconds, "missing": missing}))
    return _told(found)


def _told(count: int) -> int:
    if count:
        telemetry.emit("execution.redelivered", count=count)
    return count
