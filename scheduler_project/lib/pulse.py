"""Whether PostgreSQL answers: asked beside the requests, once it seems that it does not, until it does again.

A request that waits for an answer that never comes, or for a connection, learns it here and gives up. While the pulse
is lost nobody else tries, so that an outage costs the first requests a moment and the later ones nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
from django.db import connections

from scheduler_project.lib import telemetry

PATIENCE = 0.8  # seconds for a connection and an answer
KEPT = 1.0  # seconds for which a good answer counts
HEARD = 0.5  # seconds for which an answer to somebody else does
RETRY = 0.4  # seconds between attempts while it is lost
BUSY = "53300"  # too many connections: it answers, after all


class Pulse:
    def __init__(self, probe: Callable[[], object], *, patience: float = PATIENCE, retry: float = RETRY) -> None:
        self._probe = probe
        self._patience = patience
        self._retry = retry
        self._lock = threading.Lock()
        self._attempt: _Attempt | None = None
        self._good_until = 0.0
        self._heard_at = -HEARD
        self.is_lost = False

    def heard(self) -> None:
        """Somebody's connection has brought something: a process that is merely busy need not ask."""
        self._heard_at = time.monotonic()

    def is_there(self) -> bool:
        """Ask, unless somebody has done so a moment ago; at most for as long as its patience."""
        if self.is_lost:
            return False
        now = time.monotonic()
        if now < self._good_until or now - self._heard_at < HEARD:
            return True
        if self._ask():
            return True
        self._lose()
        return False

    def _ask(self) -> bool:
        with self._lock:
            attempt = self._attempt
            if attempt is None or attempt.is_over or attempt.age > self._patience:
                attempt = self._attempt = _Attempt(self._probe)
        attempt.done.wait(max(0.0, self._patience - attempt.age))
        if attempt.is_good:
            self._good_until = time.monotonic() + KEPT
        return attempt.is_good

    def _lose(self) -> None:
        with self._lock:
            if self.is_lost:
                return
            self.is_lost = True
        telemetry.emit("database.lost")
        threading.Thread(target=self._wait_for_it, name="pulse", daemon=True).start()

    def _wait_for_it(self) -> None:
        since = time.monotonic()
        while not self._ask():
            time.sleep(self._retry)
        self.is_lost = False
        telemetry.emit("database.found", seconds=time.monotonic() - since)


class _Attempt:
    """One question, in a thread of its own: a connection may hang for longer than anybody waits."""

    def __init__(self, probe: Callable[[], object]) -> None:
        self._probe = probe
        self._began = time.monotonic()
        self.is_good = False
        self.done = threading.Event()
        threading.Thread(target=self._run, name="pulse-attempt", daemon=True).start()

    @property
    def age(self) -> float:
        return time.monotonic() - self._began

    @property
    def is_over(self) -> bool:
        return self.done.is_set()

    def _run(self) -> None:
        try:
            self._probe()
            self.is_good = True
        except psycopg.Error as error:
            self.is_good = error.sqlstate == BUSY
        except Exception:  # noqa: BLE001  whatever it is, it is no answer
            self.is_good = False
        finally:
            self.done.set()


class _Bounded(psycopg.Connection[tuple[int]]):
    def wait(self, gen, interval=0.1, timeout=None):  # type: ignore[no-untyped-def]
        return super().wait(gen, interval, PATIENCE)


def ask_database() -> None:
    """Raises what the driver raises."""
    parameters = connections["default"].get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    with _Bounded.connect(**{**parameters, "connect_timeout": 2}, autocommit=True) as connection:
        connection.execute("SELECT 1")


PULSE = Pulse(ask_database)
