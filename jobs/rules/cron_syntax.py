"""Reads the text of a cron expression and refuses what is wrong with it, naming the field; nothing is expanded here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

LAST_WEEK = -1


class BadCron(ValueError):
    """A cron expression that is refused; the message says what is wrong and what would be right."""


@dataclass(frozen=True)
class FieldRules:
    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    also: int | None = None  # Sunday may be written 7

    @property
    def is_month_day(self) -> bool:
        return self.name == "day of month"

    @property
    def is_weekday(self) -> bool:
        return self.name == "day of week"


FIELDS = (
    FieldRules("minute", 0, 59),
    FieldRules("hour", 0, 23),
    FieldRules("day of month", 1, 31),
    FieldRules("month", 1, 12, {name: number for number, name in enumerate(MONTHS, start=1)}),
    FieldRules("day of week", 0, 6, {name: number for number, name in enumerate(WEEKDAYS)}, also=7),
)


@dataclass
class CronField:
    """One field as read: the parts that every cron knows, with numbers for names, and those about ends of months."""

    rules: FieldRules
    plain: list[str] = field(default_factory=list)
    last_day: bool = False
    nth_weekdays: set[tuple[int, int]] = field(default_factory=set)


_RANGE = re.compile(r"(?P<low>[a-z0-9]+)(-(?P<high>[a-z0-9]+))?(/(?P<step>[0-9]+))?")
_STAR = re.compile(r"\*(/(?P<step>[0-9]+))?")
_NTH = re.compile(r"(?P<day>[a-z0-9]+)#(?P<nth>[0-9]+)")
_LAST = re.compile(r"l(?P<day>[0-7])|(?P<quartz>[0-7])l")
_HASHED = re.compile(r"[hr](\([0-9]+-[0-9]+\))?(/[0-9]+)?")
_NEAREST = re.compile(r"[0-9]+w|w[0-9]+|lw|wl")


def normalise_cron(text: str) -> str:
    """One space between fields, and a name such as @daily written out. Raises BadCron."""
    if not text.isascii() or any((ord(letter) < 32 and letter != "\t") or ord(letter) == 127 for letter in text):
        raise BadCron("Only plain ASCII letters, digits and the signs * , - / # may be used, on one line.")
    parts = text.split()
    if len(parts) == 1 and parts[0].startswith("@"):
        return _written_out(parts[0].lower())
    if len(parts) in (6, 7):
        raise BadCron(
            f"There are {len(parts)} fields; seconds and years are not supported. "
            "Write five: minute, hour, day of month, month, day of week."
        )
    if len(parts) != 5:
        found = f"{len(parts)} field" + ("" if len(parts) == 1 else "s")
        raise BadCron(
            f"A cron expression has five fields (minute, hour, day of month, month, day of week), this one has {found}."
        )
    return " ".join(parts)


def read_cron(text: str) -> tuple[CronField, ...]:
    """Raises BadCron with what is wrong in each field."""
    parts = normalise_cron(text).lower().split(" ")
    fields, problems = [], []
    for rules, part in zip(FIELDS, parts, strict=True):
        try:
            fields.append(_read_field(rules, part))
        except BadCron as error:
            problems.append(f"{rules.name.capitalize()}: {error}")
    if problems:
        raise BadCron(" ".join(problems))
    return tuple(fields)


def _written_out(nickname: str) -> str:
    if nickname in NICKNAMES:
        return NICKNAMES[nickname]
    if nickname == "@reboot":
        raise BadCron("@reboot names no time of day; a job cannot be tied to the start of a machine.")
    raise BadCron(f'"{_short(nickname)}" is not known. Known names: {", ".join(sorted(NICKNAMES))}.')


def _read_field(rules: FieldRules, text: str) -> CronField:
    found = CronField(rules)
    for part in text.split(","):
        if not part:
            raise BadCron(f'"{_short(text)}" has an empty part; write one value between two commas.')
        if not _read_end_of_month(found, part):
            found.plain.append(_read_plain(rules, part))
    return found


def _read_end_of_month(found: CronField, part: str) -> bool:
    rules = found.rules
    if rules.is_month_day and part == "l":
        found.last_day = True
        return True
    if not rules.is_weekday:
        return False
    if nth := _NTH.fullmatch(part):
        if not re.fullmatch("[1-5]", nth["nth"]):
            raise BadCron(f'"{_short(part)}": the number after # is 1 to 5, the week of the month.')
        found.nth_weekdays.add((_value(rules, nth["day"]) % 7, int(nth["nth"])))
        return True
    if last := _LAST.fullmatch(part):
        if last["quartz"]:
            raise BadCron(f'write L{last["quartz"]} for the last one of the month (0 = Sunday), not "{part}".')
        found.nth_weekdays.add((int(last["day"]) % 7, LAST_WEEK))
        return True
    return False


def _read_plain(rules: FieldRules, part: str) -> str:
    if star := _STAR.fullmatch(part):
        step = _step(star["step"], rules.low, rules.high, part)
        return f"*/{step}" if step > 1 else "*"
    _refuse_dialects(rules, part)
    found = _RANGE.fullmatch(part)
    if found is None:
        raise BadCron(f'"{_short(part)}" is not understood. Write *, 5, 1-5, */10 or 1-30/5, joined by commas.')
    low = _value(rules, found["low"])
    if found["high"] is None:
        return _start_and_step(rules, low, found["step"], part) if found["step"] else str(low)
    high = _value(rules, found["high"])
    # croniter reads an equal range such as 5-5 as the whole field.
    if low == high:
        _step(found["step"], low, high, part)
        return str(low)
    if low > high and found["step"]:
        raise BadCron(f'"{_short(part)}" runs past the end of the field with a step; write the values as a list.')
    step = _step(found["step"], low, high, part)
    return f"{low}-{high}/{step}" if step > 1 else f"{low}-{high}"


def _start_and_step(rules: FieldRules, low: int, written: str, part: str) -> str:
    if low > rules.high:
        raise BadCron(f'"{_short(part)}": a step cannot start at {low}; write 0 for Sunday.')
    step = _step(written, low, rules.high, part)
    return f"{low}-{rules.high}/{step}" if low < rules.high else str(low)


def _refuse_dialects(rules: FieldRules, part: str) -> None:
    if "?" in part:
        raise BadCron("? comes from Quartz, where weekdays count from 1 = Sunday. Write * and count from 0 = Sunday.")
    if _HASHED.fullmatch(part):
        raise BadCron(f'"{_short(part)}": random and hashed times (R, H) are not supported; use a spread instead.')
    if rules.is_month_day and _NEAREST.fullmatch(part):
        raise BadCron(f'"{_short(part)}": the nearest working day (W) is not supported; use a calendar.')
    if "#" in part:
        raise BadCron(f'"{_short(part)}": # belongs in the day of week, as in 5#2 for the second Friday.')
    if re.fullmatch(r"l|l[-0-9]+|[0-9]+-l", part):
        raise BadCron(
            f'"{_short(part)}" is not understood. L alone in the day of month is its last day, '
            "L5 in the day of week is the last Friday."
        )


def _value(rules: FieldRules, text: str) -> int:
    if text in rules.names:
        return rules.names[text]
    if not text.isdigit():
        expected = f"a name from {next(iter(rules.names))} on or a number" if rules.names else "a number"
        raise BadCron(f'"{_short(text)}" is not {expected}; use {rules.low} to {rules.high}.')
    # Longer digits are never converted: their cost grows with the square of their length.
    number = int(text) if len(text) <= 9 else None
    if number is None or not (rules.low <= number <= rules.high or number == rules.also):
        raise BadCron(f"{_short(text)} is outside {rules.low} to {rules.high}.")
    return number


def _step(text: str | None, low: int, high: int, part: str) -> int:
    if text is None:
        return 1
    step = int(text) if len(text) <= 9 else None
    if step == 0:
        raise BadCron(f'"{_short(part)}": a step is at least 1.')
    if step == 1:
        return 1
    if step is None or step > high - low:
        raise BadCron(
            f'"{_short(part)}": a step of {_short(text)} leaves nothing but {low}; '
            f"write {low} if that is meant, or use an interval schedule."
        )
    return step


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:24] + "…"
