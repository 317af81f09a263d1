"""Who leads when: schedulers that go down and come back, and a lease that the next one waits for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LEASE = timedelta(seconds=10)


@dataclass(frozen=True)
class Outage:
    """From `start` up to but not including `end`; of one scheduler, counted from 1, or of all."""

    start: datetime
    end: datetime
    scheduler: int | None = None


@dataclass(frozen=True)
class Lead:
    """One scheduler decides from `since` up to but not including `until`."""

    scheduler: int
    since: datetime
    until: datetime


def leads(
    start: datetime, end: datetime, *, schedulers: int, outages: Iterable[Outage], lease: timedelta = LEASE
) -> tuple[Lead, ...]:
    """Up to the first instant after `end`. Whoever goes down does so without a word, so the lease that it has just
    renewed must run out first: the slowest take-over that there is."""
    beyond = end + timedelta(microseconds=1)
    down = {number: _merged(outages, number) for number in range(1, schedulers + 1)}
    found: list[Lead] = []
    free_from = start
    while free_from < beyond:
        since, number = min((_up_from(down[number], free_from), number) for number in down)
        if since >= beyond:
            break
        until = min(_down_from(down[number], since, beyond), beyond)
        found.append(Lead(number, since, until))
        free_from = until + lease
    return tuple(found)


def first_led(led: Sequence[Lead], instant: datetime) -> tuple[datetime, int] | None:
    """The first instant from this one on at which somebody leads, and the epoch (the place in the list, from 1)."""
    place = bisect_right(led, instant, key=lambda lead: lead.since)
    if place and instant < led[place - 1].until:
        return instant, place
    return (led[place].since, place + 1) if place < len(led) else None


def _merged(outages: Iterable[Outage], number: int) -> list[tuple[datetime, datetime]]:
    """Those of one scheduler, ascending and without overlaps."""
    found: list[tuple[datetime, datetime]] = []
    own = sorted((outage.start, outage.end) for outage in outages if outage.scheduler in (None, number))
    for start, end in own:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start < end:
            found.append((start, end))
    return found


def _up_from(down: Sequence[tuple[datetime, datetime]], instant: datetime) -> datetime:
    return next((end for start, end in down if start <= instant < end), instant)


def _down_from(down: Sequence[tuple[datetime, datetime]], instant: datetime, otherwise: datetime) -> datetime:
    return next((start for start, _ in down if start > instant), otherwise)
