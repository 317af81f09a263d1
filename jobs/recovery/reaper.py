"""Settles runs whose worker is gone. It believes its own watch, not the lease's date alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import executions
from jobs.executions import Ending
from jobs.rules.policy import JobPolicy
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib import sql, telemetry

FENCE_SHARE = 0.75  # of the lease: when a process that could not renew has killed itself

LEASES = """
SELECT execution_id, fence, heartbeat, expires_at <= clock_timestamp() AS expired FROM execution_leases
"""

EXPIRED = """
SELECT e.id, e.policy, e.attempt - e.handed_back_count AS tries, e.lost_count, e.cancel_requested_at, l.worker, l.pid,
       l.acquired_at, l.expires_at
FROM execution_leases l JOIN job_executions e ON e.id = l.execution_id
WHERE l.execution_id = %(id)s AND l.fence = %(fence)s AND l.heartbeat = %(heartbeat)s
  AND l.expires_at <= clock_timestamp()
"""


@dataclass
class _Watch:
    fence: int
    heartbeat: int
    since: float
    looks: int


class Reaper:
    """A run is lost when its heartbeat stood still for a whole lease of this process's own clock, seen at least three
    times without a pause between the looks, and its lease has run out. So neither a jump of the database's clock nor an
    outage that kept everyone from renewing takes a run away from a live owner."""

    def __init__(self, *, lease: timedelta, interval: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease = lease
        self._interval = interval
        self._clock = clock
        self._watched: dict[int, _Watch] = {}
        self._looked_at = clock()

    def sweep(self) -> list[int]:
        """Look once. Returns the executions that were settled."""
        now = self._clock()
        if now - self._looked_at > 2 * self._interval.total_seconds() + 1:
            self._watched.clear()  # this process itself stood still, or the database did
        leases = sql.rows(LEASES)
        self._looked_at = self._clock()
        settled = []
        for lease in leases:
            if self._has_stood_still(lease, now) and self._settle(lease, now):
                settled.append(lease["execution_id"])
        alive = {lease["execution_id"] for lease in leases}
        self._watched = {key: watch for key, watch in self._watched.items() if key in alive}
        return settled

    def _has_stood_still(self, lease: sql.Row, now: float) -> bool:
        watch = self._watched.get(lease["execution_id"])
        if watch is None or (watch.fence, watch.heartbeat) != (lease["fence"], lease["heartbeat"]):
            self._watched[lease["execution_id"]] = _Watch(lease["fence"], lease["heartbeat"], now, 1)
            return False
        watch.looks += 1
        return lease["expired"] and watch.looks >= 3

    def _settle(self, lease: sql.Row, now: float) -> bool:
        watch = self._watched[lease["execution_id"]]
        row = sql.row(
            EXPIRED,
            {
                "id": lease["execution_id"],
                "fence": watch.fence,
                "heartbeat": watch.heartbeat,
            },
        )
        if row is None:
            return False
        policy = JobPolicy.from_json(sql.loads(row["policy"]))
        lease_length = policy.run_lease(self._lease)
        if now - watch.since < lease_length.total_seconds():
            return False
        outcome = _cause(row, policy, lease_length)
        settled = executions.settle(
            Ending(outcome, error=_words(outcome, row, policy), error_class="WorkerLost"),
            execution_id=row["id"],
            fence=watch.fence,
            policy=policy,
            tries=row["tries"],
            losses=row["lost_count"],
        )
        if settled is None:
            return False
        telemetry.emit("execution.lost", execution_id=row["id"], worker=row["worker"], status=settled.status)
        return True


def _cause(row: sql.Row, policy: JobPolicy, lease: timedelta) -> AttemptOutcome:
    if row["cancel_requested_at"] is not None:
        return AttemptOutcome.CANCELLED
    killed_itself_at: datetime = row["expires_at"] - (1 - FENCE_SHARE) * lease
    limit: datetime = row["acquired_at"] + timedelta(seconds=policy.timeout_seconds)
    return AttemptOutcome.TIMED_OUT if limit <= killed_itself_at else AttemptOutcome.LOST


def _words(outcome: AttemptOutcome, row: sql.Row, policy: JobPolicy) -> str:
    if outcome is AttemptOutcome.TIMED_OUT:
        return f"Ran longer than its limit of {policy.timeout_seconds} s and was stopped."
    if outcome is AttemptOutcome.CANCELLED:
        return ""
    return f"The worker {row['worker']} (process {row['pid']}) stopped answering."
