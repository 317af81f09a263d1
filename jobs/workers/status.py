"""Each worker's state, what it runs now, and when it could be restarted without ending a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import queries
from jobs.forecast import durations, remaining
from jobs.forecast.durations import Usual
from jobs.models import Worker
from jobs.rules.policy import JobPolicy
from scheduler_project.lib import markup, sql

STATES = ("healthy", "degraded", "unhealthy", "draining", "lost", "stopped")

RUNS = """
SELECT l.worker, l.execution_id, l.pid, l.acquired_at, l.progress, e.tenant_id, e.job_id, e.queue, e.policy,
       coalesce(j.name, t.title) AS name
FROM execution_leases l
JOIN job_executions e ON e.id = l.execution_id
JOIN job_templates t ON t.id = e.template_id
LEFT JOIN dynamic_jobs j ON j.id = e.job_id
WHERE l.worker = ANY(%(workers)s)
ORDER BY l.acquired_at, l.execution_id
"""


@dataclass(frozen=True)
class CurrentRun:
    """`expected_end_at` goes by its progress or by earlier runs, None where neither says anything; at `limit_at` it is
    ended."""

    execution_id: int
    tenant_id: int
    job_id: int | None
    name: str
    queue: str
    pid: int
    started_at: datetime
    expected_end_at: datetime | None
    limit_at: datetime

    @property
    def ends_at(self) -> datetime:
        """By when it will probably have ended, and certainly when nothing better is known."""
        return self.expected_end_at or self.limit_at


@dataclass(frozen=True)
class WorkerStatus:
    """`running` counts all its runs; `runs` are those that the asker may see."""

    worker: Worker
    state: str
    trouble: str
    running: int
    runs: Sequence[CurrentRun]
    safe_to_restart_at: datetime | None
    """None for a worker that is gone."""

    @property
    def rss_bytes(self) -> int | None:
        return self._sum("rss")

    @property
    def pss_bytes(self) -> int | None:
        return self._sum("pss")

    def _sum(self, size: str) -> int | None:
        return sum(process[size] for process in self.worker.memory) if self.worker.memory else None


def state_of(worker: Worker, *, now: datetime) -> str:
    if worker.stopped_at is not None and worker.stopped_at >= worker.heartbeat_at:
        return "stopped"
    if now - worker.heartbeat_at > queries.heartbeat_limit():
        return "lost"
    return "draining" if worker.draining_since is not None else worker.health


def statuses(
    workers: Collection[Worker], *, now: datetime, tenant_ids: Collection[int] | None = None
) -> list[WorkerStatus]:
    """Of these workers, in their order; with the runs of these tenants only, None meaning all."""
    runs = _current_runs([worker.name for worker in workers], now)
    return [_status(worker, runs[worker.name], now, tenant_ids) for worker in workers]


def _status(
    worker: Worker, runs: Sequence[CurrentRun], now: datetime, tenant_ids: Collection[int] | None
) -> WorkerStatus:
    state = state_of(worker, now=now)
    return WorkerStatus(
        worker=worker,
        state=state,
        trouble=_trouble(worker, state, now),
        running=len(runs),
        runs=[run for run in runs if tenant_ids is None or run.tenant_id in tenant_ids],
        safe_to_restart_at=None if state in ("lost", "stopped") else _safe_at(worker, runs, now),
    )


def _trouble(worker: Worker, state: str, now: datetime) -> str:
    if state == "lost":
        silent = markup.duration(round((now - worker.heartbeat_at).total_seconds()))
        return f"Nothing has been heard of it for {silent}; its runs are tried again elsewhere."
    return "" if state == "stopped" else worker.trouble


def _safe_at(worker: Worker, runs: Sequence[CurrentRun], now: datetime) -> datetime:
    at = max([now, *(run.ends_at for run in runs)])
    # What a drain cannot wait for is handed back, so that it is safe then in any case.
    return min(at, worker.drains_until) if worker.drains_until else at


def _current_runs(workers: Sequence[str], now: datetime) -> dict[str, list[CurrentRun]]:
    rows = sql.rows(RUNS, {"workers": workers})
    usual = {job_id: durations.usual(job_id) for job_id in {row["job_id"] for row in rows} if job_id is not None}
    found: dict[str, list[CurrentRun]] = defaultdict(list)
    for row in rows:
        found[row["worker"]].append(_read(row, usual.get(row["job_id"]), now))
    return found


def _read(row: sql.Row, usual: Usual | None, now: datetime) -> CurrentRun:
    started_at: datetime = row["acquired_at"]
    limit_at = started_at + timedelta(seconds=JobPolicy.from_json(sql.loads(row["policy"])).timeout_seconds)
    progress = sql.loads(row["progress"]) if row["progress"] else {}
    left = remaining.judge(progress, usual, started_at=started_at, now=now)
    return CurrentRun(
        execution_id=row["execution_id"],
        tenant_id=row["tenant_id"],
        job_id=row["job_id"],
        name=row["name"],
        queue=row["queue"],
        pid=row["pid"],
        started_at=started_at,
        expected_end_at=min(left.finishes_at, limit_at) if left and left.finishes_at else None,
        limit_at=limit_at,
    )
