"""What a five-field cron expression means: its sets of minutes, hours and days, and which days those are.

Reading is strict and comes before any expansion. croniter expands what has passed; `L`, `5#2` and `L5` are kept apart
here, because croniter drops an `L` that stands beside enough day numbers to fill its list.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Literal

from croniter import croniter

from jobs.rules.cron_syntax import LAST_WEEK, BadCron, CronField, read_cron

DayMatch = Literal["all", "any"]

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
LAST_YEAR = 2200  # one more than the last year of instants: east of Greenwich its days begin in 2199


@dataclass(frozen=True)
class CronSets:
    """The values of each field; weekdays count from 0 = Sunday."""

    minutes: frozenset[int]
    hours: frozenset[int]
    month_days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    last_day: bool = False
    nth_weekdays: frozenset[tuple[int, int]] = frozenset()

    @property
    def restricts_month_days(self) -> bool:
        return len(self.month_days) < 31

    @property
    def restricts_weekdays(self) -> bool:
        return len(self.weekdays) < 7

    @property
    def needs_day_match(self) -> bool:
        return self.restricts_month_days and self.restricts_weekdays

    @property
    def follows_real_time(self) -> bool:
        """By value, not by spelling: `*`, `*/1` and `0-23` behave alike when the clocks change."""
        return len(self.hours) == 24


class CronCalendar:
    """The wall-clock times of one expression, day by day; days and seconds count from 1 January 1970."""

    def __init__(self, sets: CronSets, day_match: DayMatch | None) -> None:
        self.sets = sets
        self.day_match = day_match
        self.follows_real_time = sets.follows_real_time
        hours, minutes = sorted(sets.hours), sorted(sets.minutes)
        self.seconds_of_day = tuple(hour * 3600 + minute * 60 for hour in hours for minute in minutes)
        self._days: dict[tuple[int, int], tuple[int, ...]] = {}

    def days(self, first: int, last: int | None = None) -> Iterator[int]:
        """Matching days from `first` up to and including `last`, or up to the end of the year 2200."""
        start = date.fromordinal(first + EPOCH_ORDINAL)
        year, month = start.year, start.month
        while year <= LAST_YEAR:
            if month in self.sets.months:
                before = date(year, month, 1).toordinal() - EPOCH_ORDINAL - 1
                if last is not None and before >= last:
                    return
                for day in self._days_of_month(year, month):
                    number = before + day
                    if number < first:
                        continue
                    if last is not None and number > last:
                        return
                    yield number
            elif last is not None and (year, month) > _month_of(last):
                return
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)

    @cached_property
    def never_comes(self) -> bool:
        lengths = {month: {28, 29} if month == 2 else {monthrange(2001, month)[1]} for month in self.sets.months}
        shapes = {(weekday, length) for month in lengths for length in lengths[month] for weekday in range(7)}
        return not any(self._days_of_shape(weekday, length) for weekday, length in shapes)

    def _days_of_month(self, year: int, month: int) -> tuple[int, ...]:
        monday_based, length = monthrange(year, month)
        return self._days_of_shape((monday_based + 1) % 7, length)

    def _days_of_shape(self, first_weekday: int, length: int) -> tuple[int, ...]:
        shape = (first_weekday, length)
        if shape not in self._days:
            self._days[shape] = tuple(day for day in range(1, length + 1) if self._matches(day, first_weekday, length))
        return self._days[shape]

    def _matches(self, day: int, first_weekday: int, length: int) -> bool:
        sets = self.sets
        weekday = (first_weekday + day - 1) % 7
        by_date = day in sets.month_days or (sets.last_day and day == length)
        by_weekday = (
            weekday in sets.weekdays
            or (weekday, (day + 6) // 7) in sets.nth_weekdays
            or (day > length - 7 and (weekday, LAST_WEEK) in sets.nth_weekdays)
        )
        return by_date or by_weekday if self.day_match == "any" else by_date and by_weekday


@lru_cache(maxsize=8192)
def expand(expression: str) -> CronSets:
    """Raises BadCron. The length is not checked: expressions made from sets can be long."""
    fields = read_cron(expression)
    plain = " ".join(",".join(field.plain) or "*" for field in fields)
    expanded, _ = croniter.expand(plain)
    minutes, hours, month_days, months, weekdays = (
        _values(field, part) for field, part in zip(fields, expanded, strict=True)
    )
    nth_weekdays = frozenset(fields[4].nth_weekdays)
    return CronSets(minutes, hours, month_days, months, weekdays, fields[2].last_day, nth_weekdays)


@lru_cache(maxsize=8192)
def calendar_of(expression: str, day_match: DayMatch | None) -> CronCalendar:
    """Raises BadCron when the expression is wrong, or restricts both kinds of day and nothing says how they combine."""
    sets = expand(expression)
    if not sets.needs_day_match:
        return CronCalendar(sets, None)
    if day_match is None:
        raise BadCron(AMBIGUOUS_DAYS)
    return CronCalendar(sets, day_match)


AMBIGUOUS_DAYS = (
    "The expression restricts both the day of the month and the day of the week. Say which days are meant: "
    '"all" runs when both match (0 0 13 * 5 is Friday the 13th, as in Celery), '
    '"any" runs when either matches (every Friday and every 13th, as in Unix cron).'
)


def _values(field: CronField, expanded: list[int | str]) -> frozenset[int]:
    if not field.plain:
        return frozenset()
    if "*" in expanded:
        return frozenset(range(field.rules.low, field.rules.high + 1))
    return frozenset(int(value) for value in expanded)


def _month_of(day: int) -> tuple[int, int]:
    found = date.fromordinal(day + EPOCH_ORDINAL)
    return found.year, found.month
