"""Sends what is due, by threads of its own: no receiver keeps another waiting, and none of them a job."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from accounts.sealing import CannotOpen, KeysUnavailable
from notifications import switch
from notifications.channels import registry, secrets
from notifications.channels.base import Letter
from notifications.channels.calling import Tried, call
from notifications.rules.answers import Answer, Came
from notifications.rules.kinds import ChannelKind
from notifications.sending import expiry, recording
from notifications.sending.claiming import Claimed, claim, renew
from scheduler_project.lib import sql, transactions
from scheduler_project.lib.calls import Calls

EVERY = timedelta(seconds=1)
LOOK = 0.2  # seconds of waiting for an answer before the next look at what is due
LONGEST_TURN = 20.0  # seconds
RENEWS_EVERY = 15.0
EXPIRES_EVERY = 10.0

Send = Callable[[ChannelKind, Letter], Tried]


def send(kind: ChannelKind, letter: Letter) -> Tried:
    return call(registry.type_of(kind), letter)


class Sender:
    """The leader's loop. What threads bring back is stored here."""

    def __init__(self, send: Send = send) -> None:
        self._calls: Calls[Claimed, Tried] = Calls("notification", lambda one: send(one.kind, one.letter))
        self._renewed_at = self._expired_at = -EXPIRES_EVERY

    def sweep(self, leads: Callable[[], bool] = lambda: True) -> int:
        """Send what is due, unless notifications are switched off. Whoever leads no more only waits for the answers to
        what it has sent: nobody else will hear them, and what has none is sent again. Returns how many came back."""
        answered, ends_at = 0, time.monotonic() + LONGEST_TURN
        sends = leads() and switch.is_on()
        if sends:
            self._expire(ends_at)
        while time.monotonic() < ends_at:
            self._renew()
            sends = sends and leads()
            started = self._start_due() if sends else 0
            back = self._calls.take(self._store, wait=LOOK if self._calls.under_way else 0)
            answered += back
            if not started and not back and (leads() or not self._calls.under_way):
                break  # what hangs is looked at again with the next turn
        return answered

    def _start_due(self) -> int:
        claimed = claim(self._calls.under_way)
        closed: dict[int, KeysUnavailable] = {}  # tenants whose keys are away; others may have theirs
        for one in claimed:
            try:
                if one.sealed and one.tenant_id in closed:
                    raise closed[one.tenant_id]
                self._calls.start(_opened(one))
            except CannotOpen as error:
                self._store([(one, _refused(error))])
            except KeysUnavailable as error:
                closed[one.tenant_id] = error
                recording.put_back(one, wait=timedelta(seconds=error.wait), reason=str(error))
        return len(claimed)

    def _store(self, back: Sequence[tuple[Claimed, Tried]]) -> None:
        with transactions.engine():
            recording.record(back, now=sql.now())

    def _renew(self) -> None:
        now = time.monotonic()
        if self._calls.under_way and now - self._renewed_at >= RENEWS_EVERY:
            renew(self._calls.under_way)
            self._renewed_at = now

    def _expire(self, ends_at: float) -> None:
        """Before anything is sent, so that no channel fails only now."""
        if time.monotonic() - self._expired_at >= EXPIRES_EVERY:
            expiry.end_overdue(until=ends_at)
            self._expired_at = time.monotonic()


def make_sweep() -> Callable[..., object]:
    return Sender().sweep


def _opened(claimed: Claimed) -> Claimed:
    """With its secrets. Raises `CannotOpen`, `KeysUnavailable`."""
    found = secrets.open_all(claimed.sealed, tenant_id=claimed.tenant_id, public_id=claimed.public_id)
    return replace(claimed, letter=replace(claimed.letter, secrets=found))


def _refused(error: CannotOpen) -> Tried:
    reason = f"The channel's secret cannot be opened. {error} Write it anew."
    return Tried(datetime.now(UTC), 0.0, Answer(Came.REFUSED, error=reason))
