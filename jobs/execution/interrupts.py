"""Raising an error in the main thread from another one: how a soft limit or a cancel reaches the template."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPT = signal.SIGUSR1


class Interrupted(KeyboardInterrupt):
    """Not an `Exception`, so that a template's broad `except` does not swallow it by accident. By its kind the database
    driver knows to cancel the statement that the server works on: it would go on, and commit, without us."""


class SoftTimeout(Interrupted):
    """The run passed its soft limit."""


class Cancelled(Interrupted):
    """Someone asked for the end of the run."""


class Interrupts:
    """Delivers one error to the main thread while a template runs, and none before or after."""

    def __init__(self) -> None:
        self._pending: type[Interrupted] | None = None
        self._is_accepting = False

    def send(self, error: type[Interrupted]) -> None:
        self._pending = error
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, INTERRUPT)

    @contextmanager
    def handled(self) -> Iterator[None]:
        """For as long as anyone may send: outside of a template the signal does nothing, and kills nobody."""
        before = signal.signal(INTERRUPT, self._deliver)
        try:
            yield
        finally:
            signal.signal(INTERRUPT, before if before is not None else signal.SIG_DFL)

    @contextmanager
    def accepted(self) -> Iterator[None]:
        """While a template runs; what was sent before it began is delivered at once."""
        self._is_accepting = True
        try:
            self._raise_pending()
            yield
        finally:
            self._is_accepting = False

    def _deliver(self, number: int, frame: FrameType | None) -> None:
        if self._is_accepting:
            self._raise_pending()

    def _raise_pending(self) -> None:
        error, self._pending = self._pending, None
        if error is not None:
            raise error
