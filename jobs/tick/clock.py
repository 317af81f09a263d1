"""Watches the database's clock by the monotonic one: a clock that was set must not decide a day's ticks by mistake."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from scheduler_project.lib import telemetry

NOTED = timedelta(seconds=2)
FAR_AHEAD = timedelta(seconds=60)
# After a jump ahead: as long as a clock that was set by mistake has to be set right before its ticks are decided.
HOLD = timedelta(seconds=30)


class Clock:
    """Backward jumps need no care: what was decided stays so, and the next tick only waits until the clock is there."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, hold: timedelta = HOLD) -> None:
        self._monotonic = monotonic
        self._hold = hold.total_seconds()
        self._seen: tuple[datetime, float, float] | None = None
        self._ahead = timedelta()
        self._held_until = 0.0

    @property
    def is_held(self) -> bool:
        """It has just jumped far ahead, and may be set back yet."""
        return self._monotonic() < self._held_until

    def see(self, now: datetime, *, asked_at: float) -> None:
        """Compare the database's now with the last one; it was read some time since `asked_at`."""
        answered_at = self._monotonic()
        before, self._seen = self._seen, (now, asked_at, answered_at)
        if before is None:
            return
        passed = now - before[0]
        least, most = timedelta(seconds=asked_at - before[2]), timedelta(seconds=answered_at - before[1])
        jump = max(passed - most, timedelta()) or min(passed - least, timedelta())
        if abs(jump) > NOTED:
            telemetry.emit("clock.jumped", seconds=jump.total_seconds())
            self._judge(jump, answered_at)

    def _judge(self, jump: timedelta, at: float) -> None:
        self._ahead = self._ahead + jump if self.is_held else jump
        self._held_until = at + self._hold if self._ahead > FAR_AHEAD else 0.0
