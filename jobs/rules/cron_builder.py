"""The choices of the schedule builder, and the one cron expression that each stands for.

An expression becomes a choice only when both mean exactly the same; what the builder cannot say stays as it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from jobs.rules.cron import CronSets, expand
from jobs.rules.cron_spelling import cron_from_sets
from jobs.rules.cron_syntax import LAST_WEEK, BadCron

Mode = Literal["hourly", "daily", "weekly", "monthly"]
MonthDay = Literal["days", "last", "weekday"]

MODES: tuple[Mode, ...] = get_args(Mode)
EVERY_HOURS = (1, 2, 3, 4, 6, 8, 12)
EVERY_MONTHS = (1, 2, 3, 4, 6, 12)
WEEKS = (1, 2, 3, 4, 5, LAST_WEEK)
ALL_WEEKDAYS = frozenset(range(7))


@dataclass(frozen=True)
class Choice:
    """What does not belong to the mode keeps its default and says nothing. Weekdays count from 0 = Sunday."""

    mode: Mode
    hour: int = 0
    minute: int = 0
    minutes: frozenset[int] = frozenset({0})  # hourly: past the hour
    every_hours: int = 1
    weekdays: frozenset[int] = ALL_WEEKDAYS
    month_day: MonthDay = "days"
    month_days: frozenset[int] = frozenset({1})
    week: int = 1
    weekday: int = 1
    every_months: int = 1


def expression_of(choice: Choice) -> str:
    """Raises ValueError for values outside their fields."""
    if choice.mode == "hourly":
        return _spelled(choice.minutes, _stepped(24, choice.every_hours))
    time = frozenset({choice.minute}), frozenset({choice.hour})
    if choice.mode == "daily":
        return _spelled(*time)
    if choice.mode == "weekly":
        return _spelled(*time, weekdays=choice.weekdays)
    months = frozenset(month + 1 for month in _stepped(12, choice.every_months))
    if choice.month_day == "days":
        return _spelled(*time, months=months, month_days=choice.month_days)
    minute, hour, day, month, weekday = _spelled(*time, months=months).split(" ")
    if choice.month_day == "last":
        return f"{minute} {hour} L {month} {weekday}"
    if choice.week not in WEEKS or choice.weekday not in ALL_WEEKDAYS:
        raise ValueError(f"day of week: week {choice.week} and weekday {choice.weekday} are not possible")
    nth = f"L{choice.weekday}" if choice.week == LAST_WEEK else f"{choice.weekday}#{choice.week}"
    return f"{minute} {hour} {day} {month} {nth}"


def choice_of(expression: str) -> Choice | None:
    """None for what the builder cannot say, and for what is no expression."""
    try:
        sets = expand(expression)
        found = _read(sets)
        return found if found is not None and expand(expression_of(found)) == sets else None
    except (BadCron, ValueError):
        return None


def _read(sets: CronSets) -> Choice | None:
    """A guess that `choice_of` checks."""
    is_every_month = len(sets.months) == 12
    is_every_day = not sets.restricts_month_days and not sets.restricts_weekdays
    if len(sets.hours) > 1:
        every = next((every for every in EVERY_HOURS if _stepped(24, every) == sets.hours), None)
        fits = is_every_month and is_every_day and every is not None
        return Choice("hourly", minutes=sets.minutes, every_hours=every or 1) if fits else None
    if len(sets.minutes) != 1:
        return None
    (hour,), (minute,) = sets.hours, sets.minutes
    if is_every_month and is_every_day:
        return Choice("daily", hour=hour, minute=minute)
    if is_every_month and not sets.restricts_month_days and not sets.nth_weekdays:
        return Choice("weekly", hour=hour, minute=minute, weekdays=sets.weekdays)
    return _read_monthly(sets, hour, minute)


def _read_monthly(sets: CronSets, hour: int, minute: int) -> Choice | None:
    every = next((every for every in EVERY_MONTHS if {month + 1 for month in _stepped(12, every)} == sets.months), None)
    if every is None:
        return None
    if len(sets.nth_weekdays) == 1:
        ((weekday, week),) = sets.nth_weekdays
        return Choice("monthly", hour, minute, month_day="weekday", week=week, weekday=weekday, every_months=every)
    if sets.last_day:
        return Choice("monthly", hour, minute, month_day="last", every_months=every)
    return Choice("monthly", hour, minute, month_days=sets.month_days, every_months=every)


def _stepped(size: int, every: int) -> frozenset[int]:
    return frozenset(range(0, size, every))


def _spelled(
    minutes: frozenset[int],
    hours: frozenset[int],
    *,
    month_days: frozenset[int] = frozenset(range(1, 32)),
    months: frozenset[int] = frozenset(range(1, 13)),
    weekdays: frozenset[int] = ALL_WEEKDAYS,
) -> str:
    return cron_from_sets(minutes, hours, month_days, months, weekdays)
