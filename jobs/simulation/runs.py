"""The runs of one job on the virtual clock: each waits for a slot, takes its time and ends well."""

from __future__ import annotations

from datetime import datetime, timedelta
from heapq import heappop, heappush


class Runs:
    """Workers are always free; what limits is the job itself. A run that is replaced ends at once."""

    def __init__(self, *, slots: int | None, duration: timedelta) -> None:
        self._slots = slots
        self._duration = duration
        self._busy_until: list[datetime] = []  # a heap with one instant per slot that was ever used
        self._leaves_at: dict[int, datetime] = {}
        self.expired = 0  # how many did not start before their deadline

    def active(self, now: datetime) -> tuple[int, ...]:
        """Ids of those that wait or run at `now`, oldest first."""
        self._leaves_at = {run_id: leaves_at for run_id, leaves_at in self._leaves_at.items() if leaves_at > now}
        return tuple(sorted(self._leaves_at))

    def add(self, run_id: int, *, now: datetime, deadline: datetime | None, replaces: bool) -> None:
        if replaces:
            self._busy_until.clear()
            self._leaves_at.clear()
        starts_at = self._next_start(now)
        if deadline is not None and starts_at >= deadline:
            self.expired += 1
            self._leaves_at[run_id] = max(deadline, now)
            return
        if self._slots is not None and len(self._busy_until) == self._slots:
            heappop(self._busy_until)
        self._leaves_at[run_id] = starts_at + self._duration
        if self._slots is not None:
            heappush(self._busy_until, self._leaves_at[run_id])

    def _next_start(self, now: datetime) -> datetime:
        """When the first slot is free: runs start in the order in which they were queued."""
        if self._slots is None or len(self._busy_until) < self._slots:
            return now
        return max(now, self._busy_until[0])
