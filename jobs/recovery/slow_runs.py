"""Notices runs that take longer than usual, while they still run. Told once for each attempt; nothing else is done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from jobs import scheduler_events
from jobs.forecast import durations
from jobs.forecast.durations import Usual
from jobs.scheduler_events import Event
from scheduler_project.lib import markup, sql, transactions

EVERY = timedelta(seconds=10)
# A run has to be clearly late: jobs that take a second vary by several, and nobody can do anything about it.
LEAST_OVER = 30.0  # seconds
SHARE_OF_MEDIAN = 1.5
KNOWN_FOR = 300.0  # seconds for which what is usual of a job is not read again
AT_ONCE = 500

LONG = """
SELECT l.execution_id, l.job_id, extract(epoch FROM clock_timestamp() - l.acquired_at)::float AS seconds
FROM execution_leases l
WHERE l.slow_at IS NULL AND l.job_id IS NOT NULL AND l.acquired_at < clock_timestamp() - %(least)s::interval
ORDER BY l.acquired_at LIMIT %(most)s OFFSET %(passed)s
"""
# A run that has ended in between, or another attempt of it, is not marked and not told.
MARK = """
UPDATE execution_leases l SET slow_at = clock_timestamp()
FROM job_executions e JOIN dynamic_jobs j ON j.id = e.job_id
WHERE l.execution_id = ANY(%(ids)s::bigint[]) AND l.slow_at IS NULL AND e.id = l.execution_id AND NOT e.dry_run
RETURNING l.execution_id, l.tenant_id, l.job_id, j.name,
    extract(epoch FROM clock_timestamp() - l.acquired_at)::float AS seconds
"""


class SlowRuns:
    """One candidate's. It remembers for some minutes how long runs of a job usually take."""

    def __init__(self) -> None:
        self._usual: dict[int, tuple[float, Usual | None]] = {}

    def sweep(self) -> int:
        """Returns how many runs were told of."""
        told = passed = 0
        while True:
            values = {"least": timedelta(seconds=LEAST_OVER), "most": AT_ONCE, "passed": passed}
            runs = sql.rows(LONG, values)
            usual = self._known({run["job_id"] for run in runs})
            slow = [run["execution_id"] for run in runs if is_slow(run["seconds"], usual.get(run["job_id"]))]
            told += self._tell(slow, usual)
            passed += len(runs) - len(slow)
            if len(runs) < AT_ONCE:
                return told

    def _tell(self, execution_ids: Sequence[int], usual: dict[int, Usual]) -> int:
        if not execution_ids:
            return 0
        with transactions.engine():
            marked = sql.rows(MARK, {"ids": execution_ids})
            scheduler_events.record([_event(run, usual[run["job_id"]]) for run in marked])
        return len(marked)

    def _known(self, job_ids: set[int]) -> dict[int, Usual]:
        now = time.monotonic()
        self._usual = {job: known for job, known in self._usual.items() if now - known[0] < KNOWN_FOR}
        unknown = job_ids - self._usual.keys()
        if unknown:
            found = durations.usuals(unknown)
            self._usual |= {job: (now, found.get(job)) for job in unknown}
        return {job: usual for job in job_ids if (usual := self._usual[job][1]) is not None}


def is_slow(seconds: float, usual: Usual | None) -> bool:
    """Longer than nearly all have taken, by half a minute at least, and much longer than half of them."""
    return usual is not None and seconds > max(usual.p95 + LEAST_OVER, SHARE_OF_MEDIAN * usual.p50)


def _event(run: sql.Row, usual: Usual) -> Event:
    so_far, most = markup.duration(round(run["seconds"])), markup.duration(round(usual.p95))
    return Event(
        "run_slow",
        f"Execution {run['execution_id']} of {run['name']} has run for {so_far}; 19 of 20 take {most} at most.",
        tenant_id=run["tenant_id"],
        job_id=run["job_id"],
        execution_id=run["execution_id"],
        data={"seconds": round(run["seconds"], 1), "p50": round(usual.p50, 1), "p95": round(usual.p95, 1)},
    )
