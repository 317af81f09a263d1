"""Notices a worker that has gone deaf: a free slot, messages in its queues, and none reaches it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True)
class Signs:
    """What tells whether messages arrive: how many came so far, whether there is room for one, how many wait."""

    count_received: Callable[[], int]
    has_free_slot: Callable[[], bool]
    count_waiting: Callable[[], int]


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

    def is_lost(self) -> bool:
        """Look once; True when every look of the last minute found messages that did not come."""
        received = self._signs.count_received()
        if received != self._received or not self._signs.has_free_slot() or not self._signs.count_waiting():
            self._received, self._silent_since = received, None
            return False
        if self._silent_since is None:
            self._silent_since = self._clock()
        return self._clock() - self._silent_since >= self._patience
