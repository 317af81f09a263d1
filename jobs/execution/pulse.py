"""The thread that keeps the runs of a process alive, one after the other: starting one for each costs a tenth of a
short run. It sleeps until the next instant that it knows of; whoever needs it earlier wakes it."""

from __future__ import annotations

import os
import threading
import time
from typing import Protocol

from django.db import connection

PATIENCE = 5.0  # seconds that the end of a run may wait for a step that is under way
SHORTEST = 0.01  # seconds


class Beating(Protocol):
    wake: threading.Event

    def step(self) -> None:
        """Do what is due. Must not raise."""

    def next_at(self) -> float:
        """When something is due again, by the monotonic clock."""


class Pulse:
    def __init__(self) -> None:
        self.pid = os.getpid()
        self._run: Beating | None = None
        self._sleeps_until = 0.0
        self._changing = threading.Lock()
        self._stepping = threading.Lock()
        self._wake = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive() and self.pid == os.getpid() and not self._is_over

    def begin(self, run: Beating) -> None:
        run.wake = self._wake
        with self._changing:
            self._run = run
            if run.next_at() < self._sleeps_until:
                self._wake.set()

    def end(self, *, has_worked: bool) -> None:
        """No step of the run begins any more, and none is under way, unless it hangs: then the thread is given up."""
        with self._changing:
            self._run = None
        if has_worked:
            self._wake.set()  # to close its connection
        if self._stepping.acquire(timeout=PATIENCE):
            self._stepping.release()
        else:
            self._is_over = True

    def _beat(self) -> None:
        while not self._is_over:
            with self._stepping:
                run = self._run
                if run is not None:
                    run.step()
            with self._changing:
                run = self._run
                self._sleeps_until = float("inf") if run is None else run.next_at()
                left = None if run is None else max(self._sleeps_until - time.monotonic(), SHORTEST)
            if run is None:
                connection.close()
            self._wake.wait(left)
            self._wake.clear()
        connection.close()


_pulse: Pulse | None = None


def of_this_process() -> Pulse:
    global _pulse
    if _pulse is None or not _pulse.is_alive:
        _pulse = Pulse()
    return _pulse
