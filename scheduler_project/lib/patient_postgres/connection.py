"""A connection that asks for the pulse of its server when an answer takes long, and gives up when there is none."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

from scheduler_project.lib.pulse import PULSE

Result = TypeVar("Result")
Waiting = Generator[Any, Any, Result]

PATIENCE = 0.7  # seconds without a sign of life before the pulse is felt


class DatabaseIsAway(psycopg.OperationalError):
    """PostgreSQL does not answer, this connection or any other."""

    def __init__(self) -> None:
        super().__init__("PostgreSQL does not answer.")


class PatientConnection(psycopg.Connection[Any]):
    def wait(self, gen: Waiting[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        try:
            return super().wait(_watched(gen), interval, timeout)
        except DatabaseIsAway:
            self.close()  # what it was asked is still under way there
            raise


def _watched(waiting: Waiting[Result]) -> Waiting[Result]:
    """The same exchange; psycopg resumes it every tenth of a second also when nothing has come."""
    if PULSE.is_lost:
        raise DatabaseIsAway
    heard_at = time.monotonic()
    try:
        state = next(waiting)
        while True:
            ready = yield state
            if ready:
                heard_at = time.monotonic()
                PULSE.heard()
            elif PULSE.is_lost or (time.monotonic() - heard_at > PATIENCE and not PULSE.is_there()):
                raise DatabaseIsAway
            state = waiting.send(ready)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
