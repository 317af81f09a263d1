"""The instant at which everything is due: a full minute, since cron knows no finer one."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)


def next_minute(ahead: timedelta) -> datetime:
    """The first full minute that is at least so far ahead."""
    earliest = datetime.now(UTC) + ahead
    full = earliest.replace(second=0, microsecond=0)
    return full if full == earliest else full + MINUTE


def next_second(ahead: timedelta) -> datetime:
    """The same for those who cannot wait for a minute: a full second that is none."""
    earliest = (datetime.now(UTC) + ahead).replace(microsecond=0) + timedelta(seconds=1)
    return earliest if earliest.second else earliest + timedelta(seconds=1)


class TooLate(SystemExit):
    """The instant had passed before everything was ready."""


def wait_until_due(due_at: datetime, say: Callable[[str], None]) -> None:
    """Raises TooLate."""
    left = due_at.timestamp() - time.time()
    if left < 0:
        raise TooLate(f"{due_at:%H:%M:%S} had passed before everything was ready: the machine is too busy.")
    say(f"due at {due_at:%H:%M:%S}, in {left:.0f} s")
    time.sleep(max(left - 0.2, 0))
