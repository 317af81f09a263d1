"""The dead-man's timer: the kernel kills this process unless it proves in time that it still owns its run."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from pathlib import Path

GUARD = signal.SIGALRM
GUARD_BIT = 1 << (GUARD - 1)
FENCE_SHARE = 0.75  # of the lease: dead well before anyone else may take the run


class Watchdog:
    """`ITIMER_REAL` with SIGALRM at its default action. It fires in C code that holds the interpreter lock, with the
    database out of reach, and after the process was suspended and continued; a thread or a handler would not."""

    def __init__(self, *, lease_seconds: float, limit_at: float) -> None:
        self._fence_seconds = lease_seconds * FENCE_SHARE
        self._limit_at = limit_at
        self._is_over = False
        self._was_blocked = False
        self._setting = threading.Lock()

    def arm(self, *, proven_at: float) -> None:
        """Live on until the fence after `proven_at` (monotonic, taken before asking), or until the hard limit."""
        dies_at = min(proven_at + self._fence_seconds, self._limit_at)
        with self._setting:
            if not self._is_over:
                signal.setitimer(signal.ITIMER_REAL, max(dies_at - time.monotonic(), 0.001))

    def disarm(self) -> None:
        """For good: a heartbeat that is still on its way must not arm it for whatever this process does next."""
        with self._setting:
            self._is_over = True
            signal.setitimer(signal.ITIMER_REAL, 0)

    @staticmethod
    def take_over_signal() -> None:
        """Give SIGALRM its default action, and let it through. Main thread only."""
        signal.signal(GUARD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [GUARD])

    def find_fault(self) -> str:
        """What the template has done to its own guard; empty when it stands."""
        remaining = signal.getitimer(signal.ITIMER_REAL)[0]
        if not remaining:
            return "switched off its own guard, the timer ITIMER_REAL"
        if remaining > self._fence_seconds:
            return "set its own guard, the timer ITIMER_REAL, to a later time"
        blocked, ignored, caught = _masks()
        if signal.getsignal(GUARD) is not signal.SIG_DFL or GUARD_BIT & (ignored | caught):
            return "changed what SIGALRM does, its own guard"
        # While a program is started, Python blocks all signals until it runs, which takes its time on a busy machine.
        was_blocked, self._was_blocked = self._was_blocked, bool(GUARD_BIT & blocked)
        return "blocked SIGALRM, its own guard" if was_blocked and self._was_blocked else ""


def _masks() -> tuple[int, int, int]:
    """Signals that the main thread blocks, and that the process ignores and catches, whoever told the kernel so."""
    with contextlib.suppress(OSError, KeyError, ValueError):
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(lines["SigBlk"], 16), int(lines["SigIgn"], 16), int(lines["SigCgt"], 16)
    return 0, 0, 0
