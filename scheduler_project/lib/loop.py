"""A verb repeated at an interval in a thread of its own. How loops start and stop is written once, here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from django.db import connections

from scheduler_project.lib import telemetry

PATIENCE, PATIENCE_TO_FINISH = timedelta(seconds=2), timedelta(seconds=5)
LONGEST_BACKOFF = timedelta(seconds=3)  # so that everything goes on within seconds of an outage's end


class Loop:
    """Calls `turn` every `interval`; `wake` calls it at once. A turn that raises is told and tried again later.

    One that `finishes` is called once more when it is stopped, to end what it has begun.
    """

    def __init__(self, name: str, turn: Callable[[], object], *, interval: timedelta, finishes: bool = False) -> None:
        self.name = name
        self._turn = turn
        self._interval = interval
        self._finishes = finishes
        self._failures = 0
        self._is_stopping = False
        self._wakeup = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wakeup.set()

    def stop(self, *, patience: timedelta | None = None) -> None:
        """Let the turn in progress end, and what it has begun, for as long as `patience`."""
        patience = patience or (PATIENCE_TO_FINISH if self._finishes else PATIENCE)
        self._is_stopping = True
        self._wakeup.set()
        if self._thread.is_alive():
            self._thread.join(patience.total_seconds())

    def _run(self) -> None:
        while not self._is_stopping:
            wait = self.turn_once()
            self._wakeup.wait(wait.total_seconds())
            self._wakeup.clear()
        if self._finishes:
            self.turn_once()
        connections.close_all()

    def turn_once(self) -> timedelta:
        """One turn and the wait after it."""
        try:
            self._turn()
        except Exception as error:  # noqa: BLE001  a loop outlives any one turn; what it caught is told
            self._failures += 1
            connections.close_all()
            wait = min(self._interval * float(2 ** min(self._failures, 10)), max(LONGEST_BACKOFF, self._interval))
            telemetry.emit("loop.failed", loop=self.name, error=repr(error), seconds=wait.total_seconds())
            return wait
        self._failures = 0
        return self._interval
