"""Compares the runs of two schedules: which are added, removed and moved. Plain values, no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise

from jobs.rules.zones import load_zone

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Move:
    before: datetime
    after: datetime


@dataclass(frozen=True)
class Comparison:
    added: tuple[datetime, ...]
    removed: tuple[datetime, ...]
    moved: tuple[Move, ...]
    unchanged: int


def compare(before: Sequence[datetime], after: Sequence[datetime], timezone: str) -> Comparison:
    """Both ascending. On a day with as many runs before as after they are paired in order, and a pair that is at most
    half the smaller distance between two runs of that day apart has moved; all else is removed or added."""
    added: list[datetime] = []
    removed: list[datetime] = []
    moved: list[Move] = []
    unchanged = 0
    for old, new in _by_day(before, after, timezone):
        gone, come = set(old) - set(new), set(new) - set(old)
        unchanged += len(old) - len(gone)
        if len(old) == len(new):
            reach = _half_the_distance(old, new)
            for was, becomes in zip(old, new, strict=True):
                if was in gone and becomes in come and abs(becomes - was) <= reach:
                    moved.append(Move(was, becomes))
                    gone.discard(was)
                    come.discard(becomes)
        removed += sorted(gone)
        added += sorted(come)
    return Comparison(tuple(added), tuple(removed), tuple(moved), unchanged)


def _by_day(
    before: Sequence[datetime], after: Sequence[datetime], timezone: str
) -> Iterator[tuple[list[datetime], list[datetime]]]:
    old, new = _grouped(before, timezone), _grouped(after, timezone)
    for day in sorted({*old, *new}):
        yield old.get(day, []), new.get(day, [])


def _grouped(instants: Iterable[datetime], timezone: str) -> dict[date, list[datetime]]:
    zone = load_zone(timezone)
    found: dict[date, list[datetime]] = {}
    for day, of_day in groupby(instants, key=lambda instant: instant.astimezone(zone).date()):
        found.setdefault(day, []).extend(of_day)
    return found


def _half_the_distance(*lists: Sequence[datetime]) -> timedelta:
    return min((later - earlier for one in lists for earlier, later in pairwise(one)), default=DAY) / 2
