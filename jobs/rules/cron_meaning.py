"""What each field of a cron expression says, in a few words: for whoever writes one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jobs.rules.cron import CronSets, expand
from jobs.rules.cron_syntax import FIELDS, LAST_WEEK, NICKNAMES, BadCron, FieldRules

LONGEST = 100
_FEW = 6
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_WEEKS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST_WEEK: "last"}


@dataclass(frozen=True)
class FieldMeaning:
    name: str
    text: str  # as it was written; empty where nothing was
    meaning: str = ""
    problem: str = ""


def meanings(expression: str) -> tuple[FieldMeaning, ...]:
    """Always five; each is judged for itself, so that one mistake does not hide the others."""
    text = expression.strip()[:LONGEST]
    parts = NICKNAMES.get(text.lower(), text).split()[: len(FIELDS)]
    parts += [""] * (len(FIELDS) - len(parts))
    return tuple(_meaning(place, part) for place, part in enumerate(parts))


def _meaning(place: int, part: str) -> FieldMeaning:
    rules = FIELDS[place]
    if not part:
        return FieldMeaning(rules.name, part)
    alone = ["*"] * len(FIELDS)
    alone[place] = part
    try:
        return FieldMeaning(rules.name, part, _words(rules, expand(" ".join(alone))))
    except BadCron as error:
        return FieldMeaning(rules.name, part, problem=str(error).removeprefix(f"{rules.name.capitalize()}: "))


def _words(rules: FieldRules, sets: CronSets) -> str:
    values = {
        "minute": sets.minutes,
        "hour": sets.hours,
        "day of month": sets.month_days,
        "month": sets.months,
        "day of week": sets.weekdays,
    }[rules.name]
    if len(values) == rules.high - rules.low + 1:
        return f"every {'day' if rules.is_month_day or rules.is_weekday else rules.name}"
    words = [_name(rules, first) if first == last else f"{_name(rules, first)}-{_name(rules, last)}"
             for first, last in _runs(sorted(values))]  # fmt: skip
    if rules.is_month_day and sets.last_day:
        words.append("last day")
    if rules.is_weekday:
        words += [f"{_WEEKS[week]} {_WEEKDAYS[day]}" for day, week in sorted(sets.nth_weekdays)]
    if len(words) > _FEW:
        words = [*words[: _FEW - 2], "…", words[-1]]
    return ", ".join(words)


def _name(rules: FieldRules, value: int) -> str:
    if rules.is_weekday:
        return _WEEKDAYS[value]
    return _MONTHS[value] if rules.name == "month" else str(value)


def _runs(values: list[int]) -> Iterable[tuple[int, int]]:
    start = 0
    for end, value in enumerate(values):
        if end + 1 < len(values) and values[end + 1] == value + 1:
            continue
        if end - start == 1:
            yield from ((one, one) for one in values[start : end + 1])
        else:
            yield values[start], value
        start = end + 1
