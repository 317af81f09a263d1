"""Raising an error in the main thread from another one: how a soft limit or a cancel reaches the template."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPT = signal.SIGUSR1


class Interrupted(BaseException):
    """Not an `Exception`, so that a template's broad `except` does not swallow it by accident."""


class SoftTimeout(Interrupted):
    """The run passed its soft limit."""


class Cancelled(Interrupted):
    """Someone asked for the end of the run."""


class Interrupts:
    """Delivers one error to the main thread while a template runs, and none before or after."""

    def __init__(self) -> None:
        self._pending: type[Interrupted] | None = None

    def send(self, error: type[Interrupted]) -> None:
        self._pending = error
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, INTERRUPT)

    @contextmanager
    def accepted(self) -> Iterator[None]:
        before = signal.signal(INTERRUPT, self._deliver)
        try:
            yield
        finally:
            signal.signal(INTERRUPT, signal.SIG_IGN)
            if before is not None and before is not signal.SIG_DFL:
                signal.signal(INTERRUPT, before)

    def _deliver(self, number: int, frame: FrameType | None) -> None:
        error, self._pending = self._pending, None
        if error is not None:
            raise error
