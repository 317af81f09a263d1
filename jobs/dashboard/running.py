"""What runs now, the longest first: progress, the expected end, and whether it takes longer than it usually does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.dashboard.figures import MINE
from jobs.forecast import durations, remaining
from jobs.forecast.remaining import Remaining
from scheduler_project.lib import sql

MOST = 100

RUNNING = f"""
WITH mine AS (
    SELECT execution_id, tenant_id, job_id, worker, acquired_at, progress, count(*) OVER () AS total
    FROM execution_leases WHERE {MINE} ORDER BY acquired_at, execution_id LIMIT %(most)s
)
SELECT l.*, e.attempt, e.max_attempts, e.dry_run, e.cancel_requested_at IS NOT NULL AS is_stopping,
       coalesce(j.name, nullif(t.title, ''), t.name) AS name
FROM mine l JOIN job_executions e ON e.id = l.execution_id JOIN job_templates t ON t.id = e.template_id
LEFT JOIN dynamic_jobs j ON j.id = l.job_id
ORDER BY l.acquired_at, l.execution_id
"""  # noqa: S608


@dataclass(frozen=True)
class RunningRun:
    execution_id: int
    job_id: int | None
    name: str
    worker: str
    started_at: datetime
    seconds: float
    attempt: int
    max_attempts: int
    is_dry_run: bool
    is_stopping: bool
    text: str
    """Of the step that it is at, in its own words."""
    done: float
    total: float | None
    remaining: Remaining | None

    @property
    def is_slow(self) -> bool:
        return self.remaining is not None and self.remaining.is_slower_than_usual

    @property
    def percent(self) -> int | None:
        return max(0, min(round(100 * self.done / self.total), 100)) if self.total else None


@dataclass(frozen=True)
class Running:
    runs: Sequence[RunningRun]
    total: int


def find_running(tenant_ids: Sequence[int] | None, *, now: datetime, most: int = MOST) -> Running:
    values = {"tenants": None if tenant_ids is None else list(tenant_ids), "most": most}
    rows = sql.rows(RUNNING, values, prepare=False)
    usual = durations.usuals({row["job_id"] for row in rows if row["job_id"] is not None})
    return Running([_read(row, usual.get(row["job_id"]), now) for row in rows], rows[0]["total"] if rows else 0)


def _read(row: sql.Row, usual: durations.Usual | None, now: datetime) -> RunningRun:
    progress = sql.loads(row["progress"]) if row["progress"] else {}
    started_at: datetime = row["acquired_at"]
    return RunningRun(
        execution_id=row["execution_id"],
        job_id=row["job_id"],
        name=row["name"],
        worker=row["worker"],
        started_at=started_at,
        seconds=(now - started_at).total_seconds(),
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        is_dry_run=row["dry_run"],
        is_stopping=row["is_stopping"],
        text=progress.get("text", ""),
        done=progress.get("done", 0),
        total=progress.get("total"),
        remaining=remaining.judge(progress, usual, started_at=started_at, now=now),
    )
