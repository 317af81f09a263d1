"""A second opinion on what is due: looks at every real minute around a time and shares no code with the engine."""

from __future__ import annotations

import importlib.resources
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
# Longer than the longest fold (23 hours), so that both passes of a wall time are seen.
MARGIN = timedelta(hours=25)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True)
class Rule:
    cron: str
    day_match: str | None = None
    gap: str = "shift"
    fold: str = "first"


@dataclass(frozen=True)
class Minutes:
    """The real minutes of a window in order, each with the wall clock that it shows."""

    start: datetime
    end: datetime
    shown: list[tuple[datetime, datetime]]
    left_out: list[tuple[datetime, list[datetime]]]  # wall times that no clock shows, and the first minute after them


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    with importlib.resources.files("tzdata").joinpath(f"zoneinfo/{name}").open("rb") as file:
        return ZoneInfo.from_file(file)


def all_zones() -> list[str]:
    return importlib.resources.files("tzdata").joinpath("zones").read_text().split()


def distinct_zones() -> list[str]:
    """One name for each different zone file."""
    found: dict[bytes, str] = {}
    for name in all_zones():
        found.setdefault(importlib.resources.files("tzdata").joinpath(f"zoneinfo/{name}").read_bytes(), name)
    return sorted(found.values())


def offset_changes(name: str, start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """The instants at which the offset changes, found by looking every `step` and then by halves."""
    tz = zone(name)

    def offset(at: datetime) -> timedelta | None:
        return at.astimezone(tz).utcoffset()

    before = start
    while before < end:
        after = min(before + step, end)
        if offset(before) != offset(after):
            low, high = before, after
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                middle = middle.replace(microsecond=0)
                low, high = (middle, high) if offset(middle) == offset(before) else (low, middle)
            yield high
        before = after


def look_at(name: str, start: datetime, end: datetime) -> Minutes:
    """Every instant from `start` to `end` (and a margin) at which the wall clock shows a full minute."""
    tz = zone(name)
    shown = []
    at = start - MARGIN
    while at < end + MARGIN:
        wall = at.astimezone(tz).replace(tzinfo=None, fold=0)
        if wall.second:
            at += timedelta(seconds=60 - wall.second)
            # A change of the clocks may lie in the seconds that were jumped over.
            late = at.astimezone(tz).replace(tzinfo=None, fold=0)
            if late.second:
                continue
            wall = late
        shown.append((at, wall))
        at += MINUTE
    return Minutes(start, end, shown, list(_left_out(shown)))


def _left_out(shown: list[tuple[datetime, datetime]]) -> Iterator[tuple[datetime, list[datetime]]]:
    seen = {wall for _, wall in shown}
    for (_, before), (at, after) in pairwise(shown):
        if after - before == MINUTE:
            continue
        between = [before + MINUTE * n for n in range(1, (after - before) // MINUTE)]
        if missing := [wall for wall in between if wall not in seen]:
            yield at, missing


def due(rule: Rule, minutes: Minutes) -> list[datetime]:
    """The instants with start < due <= end that the rules of wall-clock time give."""
    wanted = _wanted(rule)
    instants_of = defaultdict(list)
    for at, wall in minutes.shown:
        if wall.minute in wanted.minutes and wall.hour in wanted.hours and wanted.has_day(wall):
            instants_of[wall].append(at)
    found = set()
    for instants in instants_of.values():
        if wanted.every_hour or rule.fold == "both":
            found |= set(instants)
        else:
            found.add(instants[0] if rule.fold == "first" else instants[-1])
    if rule.gap == "shift" and not wanted.every_hour:
        found |= {at for at, missing in minutes.left_out if any(wanted.has(wall) for wall in missing)}
    return sorted(at for at in found if minutes.start < at <= minutes.end)


class _Wanted:
    """Whether a wall time matches, judged value by value."""

    def __init__(self, rule: Rule) -> None:
        minute, hour, self.day, month, self.weekday = rule.cron.lower().split()
        for number, name in enumerate(MONTHS):
            month = month.replace(name, str(number + 1))
        for number, name in enumerate(WEEKDAYS):
            self.weekday = self.weekday.replace(name, str(number))
        self.minutes = {value for value in range(60) if _has(minute, value, 0, 59)}
        self.hours = {value for value in range(24) if _has(hour, value, 0, 23)}
        self.months = {value for value in range(1, 13) if _has(month, value, 1, 12)}
        self.every_hour = len(self.hours) == 24
        self.day_match = rule.day_match
        self.days: dict[tuple[int, int, int], bool] = {}

    def has(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours and self.has_day(wall)

    def has_day(self, wall: datetime) -> bool:
        day = (wall.year, wall.month, wall.day)
        if day not in self.days:
            self.days[day] = wall.month in self.months and self._is_day(*day)
        return self.days[day]

    def _is_day(self, year: int, month: int, day: int) -> bool:
        length = monthrange(year, month)[1]
        sunday_based = date(year, month, day).isoweekday() % 7
        in_month = _has(self.day, day, 1, 31) or ("l" in self.day.split(",") and day == length)
        in_week = _has(self.weekday, sunday_based, 0, 6) or (sunday_based == 0 and _has(self.weekday, 7, 0, 6))
        for part in self.weekday.split(","):
            name, sign, count = part.partition("#")
            in_week |= bool(sign) and int(name) % 7 == sunday_based and (day - 1) // 7 + 1 == int(count)
            in_week |= part.startswith("l") and int(part[1:]) % 7 == sunday_based and length - day < 7
        always_month = all(_has(self.day, value, 1, 31) for value in range(1, 32))
        always_week = all(
            _has(self.weekday, value, 0, 6) or (value == 0 and _has(self.weekday, 7, 0, 6)) for value in range(7)
        )
        if self.day_match == "any" and not always_month and not always_week:
            return in_month or in_week
        return in_month and in_week


@lru_cache(maxsize=512)
def _wanted(rule: Rule) -> _Wanted:
    return _Wanted(rule)


def _has(text: str, value: int, low: int, high: int) -> bool:
    return any(_part_has(part, value, low, high) for part in text.split(","))


def _part_has(part: str, value: int, low: int, high: int) -> bool:
    if "l" in part or "#" in part:
        return False
    values, _, step = part.partition("/")
    first, dash, last = values.partition("-")
    if values == "*":
        start, stop = low, high
    else:
        start = int(first)
        stop = int(last) if dash else (high if step else start)
    inside = start <= value <= stop if start <= stop else value >= start or value <= stop
    return inside and (value - start) % int(step or 1) == 0
