"""Notices a worker that has gone deaf: a free slot, messages in its queues, and none reaches it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from jobs.backends.base import BackendUnavailable

PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True)
class Signs:
    """What tells whether messages arrive: how many came so far, whether there is room for one, how many wait."""

    count_received: Callable[[], int]
    has_free_slot: Callable[[], bool]
    count_waiting: Callable[[], int]
    """Raises `BackendUnavailable`."""


class Hearing:
    """Clients of brokers have been known to stop reading after a reconnect, while everything else about them works. A
    restart is the only cure, so this needs certainty: whatever speaks against it at any look starts the time anew."""

    def __init__(
        self, signs: Signs, *, patience: timedelta = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._signs = signs
        self._patience = patience.total_seconds()
        self._clock = clock
        self._received = -1
        self._silent_since: float | None = None
        self._away_since: float | None = None

    @property
    def silent_seconds(self) -> float:
        """How long every look has found messages that did not come."""
        return 0.0 if self._silent_since is None else self._clock() - self._silent_since

    @property
    def away_seconds(self) -> float:
        """How long the broker has not answered."""
        return 0.0 if self._away_since is None else self._clock() - self._away_since

    def is_lost(self) -> bool:
        """Look once; True when every look of the last minute found messages that did not come."""
        received, waiting = self._signs.count_received(), self._count_waiting()
        if received != self._received or not waiting or not self._signs.has_free_slot():
            self._received, self._silent_since = received, None
            return False
        if self._silent_since is None:
            self._silent_since = self._clock()
        return self.silent_seconds >= self._patience

    def _count_waiting(self) -> int:
        """0 from a broker that is away: that is no reason to end."""
        try:
            waiting = self._signs.count_waiting()
        except BackendUnavailable:
            self._away_since = self._away_since or self._clock()
            return 0
        self._away_since = None
        return waiting
