"""Each queue: what waits in it and for how long, who serves it, and whether they hear."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from jobs import queries
from jobs.rules.states import PRIORITY_NAMES
from jobs.workers import queue_rates
from scheduler_project.lib import sql

MOST = 200

CanaryState = Literal["answered", "asked", "deaf", "none"]

QUEUES = """
WITH alive AS (
    SELECT name, queues, concurrency FROM workers
    WHERE stopped_at IS NULL AND heartbeat_at > clock_timestamp() - %(limit)s::interval
), served AS (
    SELECT queue, count(*) AS workers, sum(concurrency) AS processes FROM alive CROSS JOIN unnest(queues) AS queue
    GROUP BY queue
), waiting AS (
    SELECT queue, json_object_agg(priority, count) AS counts, min(oldest) AS oldest FROM (
        SELECT queue, priority, count(*), min(available_at) AS oldest FROM job_executions
        WHERE status = 'queued' AND held_for IN ('', 'slot') AND available_at <= clock_timestamp()
          AND (%(tenants)s::bigint[] IS NULL OR tenant_id = ANY(%(tenants)s))
        GROUP BY queue, priority) AS levels
    GROUP BY queue
), running AS (
    SELECT e.queue, count(*) AS count FROM execution_leases l JOIN job_executions e ON e.id = l.execution_id
    WHERE %(tenants)s::bigint[] IS NULL OR e.tenant_id = ANY(%(tenants)s)
    GROUP BY e.queue
), of_jobs AS (
    SELECT DISTINCT queue FROM dynamic_jobs
    WHERE archived_at IS NULL AND (%(tenants)s::bigint[] IS NULL OR tenant_id = ANY(%(tenants)s))
), names AS (
    SELECT queue FROM served UNION SELECT queue FROM waiting UNION SELECT queue FROM running
    UNION SELECT queue FROM of_jobs UNION SELECT queue FROM paused_queues
)
SELECT n.queue, coalesce(w.counts, '{}') AS waiting,
       extract(epoch FROM clock_timestamp() - w.oldest)::float AS oldest_seconds,
       coalesce(r.count, 0) AS running, coalesce(s.workers, 0) AS workers,
       coalesce(s.processes, 0)::integer AS processes,
       p.paused_at, coalesce(p.paused_by, '') AS paused_by, coalesce(p.note, '') AS pause_note,
       c.asked_at, c.answered_at, c.answered_by, c.deaf_since, coalesce(c.redelivered, 0) AS redelivered
FROM names n
LEFT JOIN served s USING (queue) LEFT JOIN waiting w USING (queue) LEFT JOIN running r USING (queue)
LEFT JOIN queue_canaries c USING (queue) LEFT JOIN paused_queues p USING (queue)
ORDER BY n.queue LIMIT %(most)s
"""


@dataclass(frozen=True)
class QueueStatus:
    """Counts are of the tenants that were asked for; workers and processes serve all tenants."""

    queue: str
    waiting: Mapping[str, int]
    """By the name of the priority, the highest first."""
    oldest_seconds: float | None
    running: int
    workers: int
    processes: int
    paused_at: datetime | None
    paused_by: str
    pause_note: str
    asked_at: datetime | None
    answered_at: datetime | None
    answered_by: str
    deaf_since: datetime | None
    redelivered: int
    ended_per_minute: float | None = None
    """None where it was not asked for."""

    @property
    def waiting_total(self) -> int:
        return sum(self.waiting.values())

    @property
    def canary(self) -> CanaryState:
        if self.asked_at is None or not self.workers:
            return "none"
        if self.deaf_since is not None:
            return "deaf"
        return "answered" if self.answered_at is not None and self.answered_at >= self.asked_at else "asked"

    @property
    def answer_seconds(self) -> float | None:
        """How long the last answer took."""
        if self.canary != "answered" or self.answered_at is None or self.asked_at is None:
            return None
        return (self.answered_at - self.asked_at).total_seconds()


def list_queues(*, tenant_ids: Collection[int] | None = None, with_rates: bool = False) -> list[QueueStatus]:
    """All that are served, used by jobs or hold runs, by name; None means all tenants."""
    tenants = None if tenant_ids is None else list(tenant_ids)
    rows = sql.rows(QUEUES, {"limit": queries.heartbeat_limit(), "tenants": tenants, "most": MOST}, prepare=False)
    found = [_read(row) for row in rows]
    if not with_rates:
        return found
    rates = queue_rates.ended_per_minute(tenant_ids=tenant_ids)
    return [replace(status, ended_per_minute=rates.get(status.queue, 0.0)) for status in found]


def nothing_of(queue: str) -> QueueStatus:
    """Of a queue that nobody serves or uses any more."""
    waiting = dict.fromkeys((name for _, name in sorted(PRIORITY_NAMES.items())), 0)
    return QueueStatus(queue, waiting, None, 0, 0, 0, None, "", "", None, None, "", None, 0, ended_per_minute=0.0)


def _read(row: sql.Row) -> QueueStatus:
    counts = {int(priority): count for priority, count in sql.loads(row["waiting"]).items()}
    waiting = {name: counts.get(priority, 0) for priority, name in sorted(PRIORITY_NAMES.items())}
    return QueueStatus(**{**row, "waiting": waiting, "answered_by": row["answered_by"] or ""})
