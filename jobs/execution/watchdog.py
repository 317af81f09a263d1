"""The dead-man's timer: the kernel kills this process unless it proves in time that it still owns its run."""

from __future__ import annotations

import signal
import threading
import time

GUARD = signal.SIGALRM
FENCE_SHARE = 0.75  # of the lease: dead well before anyone else may take the run


class Watchdog:
    """`ITIMER_REAL` with SIGALRM at its default action. It fires in C code that holds the interpreter lock, with the
    database out of reach, and after the process was suspended and continued; a thread or a handler would not."""

    def __init__(self, *, lease_seconds: float, limit_at: float) -> None:
        self._fence_seconds = lease_seconds * FENCE_SHARE
        self._limit_at = limit_at
        self._is_over = False
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
        """Give SIGALRM its default action. Main thread only."""
        signal.signal(GUARD, signal.SIG_DFL)

    @staticmethod
    def is_armed() -> bool:
        """False when the template has touched the timer or its signal."""
        return signal.getsignal(GUARD) is signal.SIG_DFL and signal.getitimer(signal.ITIMER_REAL)[0] > 0
