"""One circuit per name: closed, open for a while after failures in a row, then half open for a trial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

import pybreaker
from django.conf import settings

from scheduler_project.lib import telemetry
from scheduler_project.lib.circuits.fields import SharedFields

MAX_WHY = 300

T = TypeVar("T")


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitOpen(Exception):
    """Nobody calls this at the moment, since it failed too often in a row, or in a trial just now."""

    def __init__(self, name: str, until: datetime) -> None:
        super().__init__(f"The circuit {name} is open: it failed too often. The next try is at {until:%X} UTC.")
        self.name = name
        self.until = until


@dataclass(frozen=True)
class Circuit:
    """A circuit as it is now. `retry_at` is when an open one lets a trial through."""

    name: str
    state: State
    failures: int
    opened_at: datetime | None
    retry_at: datetime | None


class _Storage(pybreaker.CircuitBreakerStorage):
    """What pybreaker keeps of a circuit. Tells a change of state once, whichever process made it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._fields = SharedFields(name)
        self.why = ""

    @property
    def state(self) -> str:
        return self._fields.read().get("state", State.CLOSED)

    @state.setter
    def state(self, state: str) -> None:
        before = self._fields.swap("state", str(state)) or State.CLOSED
        if before != state:
            telemetry.emit("circuit.changed", circuit=self.name, before=str(before), after=str(state), why=self.why)

    def increment_counter(self) -> None:
        self._fields.increment("failures")

    def reset_counter(self) -> None:
        self._fields.remove("failures")

    def increment_success_counter(self) -> None:
        self._fields.increment("successes")

    def reset_success_counter(self) -> None:
        self._fields.remove("successes")

    @property
    def counter(self) -> int:
        return int(self._fields.read().get("failures", 0))

    @property
    def success_counter(self) -> int:
        return int(self._fields.read().get("successes", 0))

    @property
    def opened_at(self) -> datetime | None:
        text = self._fields.read().get("opened_at")
        return datetime.fromisoformat(text) if text else None

    @opened_at.setter
    def opened_at(self, at: datetime) -> None:
        self._fields.swap("opened_at", at.isoformat())


def call(name: str, function: Callable[[], T], *, counts: Callable[[Exception], bool]) -> T:
    """Call the function unless its circuit is open. `counts` says which errors are failures of what is called; an
    interruption always is one, since the call had not come back. Raises `CircuitOpen`, and what the function raises,
    but for the failure of a trial: that only says that the circuit is open still."""
    storage = _Storage(name)
    is_trial = storage.state != State.CLOSED

    def is_no_failure(error: BaseException) -> bool:
        if isinstance(error, Exception) and not counts(error):
            return True
        storage.why = f"{type(error).__name__}: {error}"[:MAX_WHY]
        return False

    try:
        return _breaker(storage, exclude=is_no_failure).call(function)
    except pybreaker.CircuitBreakerError:
        raise CircuitOpen(name, _retry_at(storage) or datetime.now(UTC)) from None
    except Exception as error:
        if is_trial and counts(error):
            raise CircuitOpen(name, _retry_at(storage) or datetime.now(UTC)) from error
        raise


def find(name: str) -> Circuit:
    """The circuit as it is now; closed when nobody knows anything of it."""
    fields = SharedFields(name).read()
    state = State(fields.get("state", State.CLOSED))
    at = fields.get("opened_at")
    opened_at = datetime.fromisoformat(at) if at and state is not State.CLOSED else None
    return Circuit(
        name=name,
        state=state,
        failures=int(fields.get("failures", 0)),
        opened_at=opened_at,
        retry_at=opened_at + settings.DAYBOOK_CIRCUIT_RESET if opened_at and state is State.OPEN else None,
    )


def reset(name: str, *, by: str) -> None:
    """Close it, whatever it was: the next call is made."""
    storage = _Storage(name)
    storage.why = f"closed by {by}"[:MAX_WHY]
    storage.reset_counter()
    storage.reset_success_counter()
    storage.state = State.CLOSED


def _breaker(storage: _Storage, *, exclude: Callable[[BaseException], bool]) -> pybreaker.CircuitBreaker:
    # A new one for each call: pybreaker lets only one thread at a time through a breaker.
    return pybreaker.CircuitBreaker(
        fail_max=settings.DAYBOOK_CIRCUIT_FAILURES,
        reset_timeout=settings.DAYBOOK_CIRCUIT_RESET.total_seconds(),
        exclude=[exclude],
        state_storage=storage,
        throw_new_error_on_trip=False,
    )


def _retry_at(storage: _Storage) -> datetime | None:
    opened_at = storage.opened_at
    return opened_at + settings.DAYBOOK_CIRCUIT_RESET if opened_at else None
