"""Says a schedule in words for people, with the 24-hour clock; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from cron_descriptor import CasingTypeEnum, ExpressionDescriptor, Options

from jobs.rules.cron import CronSets, expand
from jobs.rules.cron_spelling import cron_from_sets
from jobs.rules.cron_syntax import LAST_WEEK
from jobs.rules.schedule_spec import ScheduleSpec
from jobs.rules.zones import load_zone

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST_WEEK: "last"}
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_FEW_TIMES = 6


def describe(spec: ScheduleSpec) -> str:
    """One sentence without a full stop. Raises BadCron and UnknownZone for a spec that was never checked."""
    if spec.kind == "manual":
        return "Only by hand"
    if spec.kind == "once":
        return f"Once on {_moment(spec.at, spec.timezone)} ({spec.timezone})" if spec.at else "Once, at no time yet"
    words = _cron_words(spec) if spec.kind == "cron" else f"Every {_duration(spec.every_seconds)}"
    if spec.spread_offset_seconds:
        words += f", always {_duration(spec.spread_offset_seconds)} later"
    if spec.start_at:
        words += f", from {_moment(spec.start_at, spec.timezone)}"
    if spec.end_at:
        words += f", until {_moment(spec.end_at, spec.timezone)}"
    return f"{words} ({spec.timezone})"


def _cron_words(spec: ScheduleSpec) -> str:
    sets = expand(spec.cron)
    words = _time_words(sets) + _day_words(sets, spec.day_match)
    if len(sets.months) < 12:
        words += f", in {_listed(_names(sets.months, _MONTHS, first=1))}"
    return words


def _time_words(sets: CronSets) -> str:
    hours, minutes = sorted(sets.hours), sorted(sets.minutes)
    if len(hours) * len(minutes) <= _FEW_TIMES:
        return f"At {_listed(f'{hour:02}:{minute:02}' for hour in hours for minute in minutes)}"
    if len(minutes) == 1 and len(hours) < 24 and hours[-1] - hours[0] == len(hours) - 1:
        return f"Every hour from {hours[0]:02}:{minutes[0]:02} to {hours[-1]:02}:{minutes[0]:02}"
    everything = cron_from_sets(minutes, hours, range(1, 32), range(1, 13), range(7))
    words: str = ExpressionDescriptor(everything, _options()).get_full_description()
    return words


def _day_words(sets: CronSets, day_match: str | None) -> str:
    dates, weekdays = _date_words(sets), _weekday_words(sets)
    if sets.needs_day_match:
        return f", on {dates} and also on {weekdays}" if day_match == "any" else f", on {dates} if that is {weekdays}"
    return f", on {dates}" if sets.restricts_month_days else f", on {weekdays}" if sets.restricts_weekdays else ""


def _date_words(sets: CronSets) -> str:
    numbers = _names(sets.month_days, tuple(map(str, range(1, 32))), first=1)
    words = [f"day{'s' if len(sets.month_days) > 1 else ''} {_listed(numbers)} of the month"] if numbers else []
    return _listed([*words, *(["the last day of the month"] if sets.last_day else [])])


def _weekday_words(sets: CronSets) -> str:
    # Monday first, so that a week-end stays together.
    shifted = frozenset((day - 1) % 7 for day in sets.weekdays)
    words = _names(shifted, (*_WEEKDAYS[1:], _WEEKDAYS[0]), first=0)
    nth = sorted(sets.nth_weekdays, key=lambda pair: (pair[1] == LAST_WEEK, pair[1], pair[0]))
    return _listed([*words, *(f"the {_ORDINALS[week]} {_WEEKDAYS[day]} of the month" for day, week in nth)])


def _names(values: frozenset[int], names: tuple[str, ...], *, first: int) -> list[str]:
    """The names of the values; three or more neighbours become "a to b"."""
    found: list[str] = []
    run: list[int] = []
    for value in [*sorted(values), None]:
        if run and value != run[-1] + 1:
            ends = [names[number - first] for number in run]
            found += [f"{ends[0]} to {ends[-1]}"] if len(run) > 2 else ends
            run = []
        if value is not None:
            run.append(value)
    return found


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _duration(seconds: int) -> str:
    parts = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return parts[0].removeprefix("1 ") if len(parts) == 1 else " ".join(parts)


def _moment(instant: datetime, timezone: str) -> str:
    local = instant.astimezone(load_zone(timezone))
    seconds = f":{local.second:02}" if local.second else ""
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year} at {local.hour:02}:{local.minute:02}{seconds}"


@lru_cache(maxsize=1)
def _options() -> Any:
    options = Options()
    options.use_24hour_time_format = True
    options.locale_code = "en_US"
    options.casing_type = CasingTypeEnum.Sentence
    return options
