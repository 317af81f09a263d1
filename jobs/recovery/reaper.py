"""Settles runs whose worker is gone. It believes its own watch, not the lease's date alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from jobs.recovery import loss
from jobs.recovery.loss import Orphan
from scheduler_project.lib import sql

FENCE_SHARE = 0.75  # of the lease: when a process that could not renew has killed itself

# A lease from far in the future is from before the database's clock was set back.
IS_OVER = "NOT l.expires_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '30 minutes'"

LEASES = f"""
SELECT l.execution_id, l.fence, l.heartbeat, {IS_OVER} AS expired FROM execution_leases l
"""  # noqa: S608

EXPIRED = f"""
SELECT {loss.COLUMNS}
WHERE l.execution_id = %(id)s AND l.fence = %(fence)s AND l.heartbeat = %(heartbeat)s
  AND {IS_OVER}
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
        settled = [
            lease["execution_id"] for lease in leases if self._has_stood_still(lease, now) and self._settle(lease, now)
        ]
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
        orphan = Orphan.of(row)
        lease_length = orphan.policy.run_lease(self._lease)
        if now - watch.since < lease_length.total_seconds():
            return False
        settled = loss.settle(
            orphan,
            died_at=min(orphan.expires_at, orphan.seen_at) - (1 - FENCE_SHARE) * lease_length,
            how=f"The worker {orphan.worker} (process {orphan.pid}) stopped answering.",
        )
        return settled is not None
