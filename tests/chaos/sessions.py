"""Two sessions stepped by hand: one stops at a statement of its transaction while the other goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connections

from scheduler_project.lib import sql
from tests.live import wait_for

PATIENCE = 30.0


class Crash(Exception):
    """The process ended here."""


class Session(threading.Thread):
    """Does one thing on a connection of its own."""

    def __init__(self, deed: Callable[[], object], *, stop_at: str = "", crash_at: str = "") -> None:
        super().__init__(daemon=True)
        self.error: Exception | None = None
        self._deed, self._stop_at, self._crash_at = deed, stop_at, crash_at
        self._stopped, self._may_go = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        _sessions[threading.get_ident()] = self
        try:
            self._deed()
        except Exception as error:  # told to whoever asks
            self.error = error
        finally:
            del _sessions[threading.get_ident()]
            connections.close_all()

    def meet(self, statement: str) -> None:
        if self._crash_at and self._crash_at in statement:
            raise Crash
        if self._stop_at and self._stop_at in statement and not self._may_go.is_set():
            self._stopped.set()
            assert self._may_go.wait(PATIENCE), "Nobody let the session go on."

    def wait_until_stopped(self) -> None:
        assert self._stopped.wait(PATIENCE), f"The session did not come to {self._stop_at!r}: {self.error!r}."

    def wait_until_done_or_held(self) -> None:
        """Done, or waiting for a lock of the other."""
        wait_for(lambda: not self.is_alive() or is_held(), what="the other session")

    def is_done_within(self, seconds: float) -> bool:
        self.join(seconds)
        return not self.is_alive()

    def go_on(self) -> None:
        self._may_go.set()
        self.join(PATIENCE)
        assert not self.is_alive(), "The session did not end."


_sessions: dict[int, Session] = {}


@contextmanager
def stepped() -> Iterator[None]:
    """Lets sessions stop at the engine's own statements."""
    inner = sql.rows

    def rows(statement: str, *args: Any, **options: Any) -> list[sql.Row]:
        session = _sessions.get(threading.get_ident())
        if session is not None:
            session.meet(statement)
        return inner(statement, *args, **options)

    with mock.patch.object(sql, "rows", rows):
        yield


def is_held() -> bool:
    return bool(
        sql.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    )
