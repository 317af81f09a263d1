"""Keeps a server that does not answer from costing every request its time limit: after some failures nobody asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Fuse:
    """Blows after `failures` in a row, stays so for `rest` seconds, and then lets one caller try."""

    def __init__(self, *, failures: int, rest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._rest = rest
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0
        self._lock = threading.Lock()

    def admits(self) -> bool:
        """Whether to ask now. Whoever is admitted tells how it went."""
        with self._lock:
            if self._failures < self._most:
                return True
            now = self._clock()
            if now < self._closed_until:
                return False
            self._closed_until = now + self._rest  # for all others, while this one tries
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self) -> bool:
        """Whether it has blown by this failure."""
        with self._lock:
            self._failures += 1
            self._closed_until = self._clock() + self._rest
            return self._failures == self._most
