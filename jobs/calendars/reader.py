"""Reads a calendar from untrusted input, field by field, and collects every problem with its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.text import slugify

from jobs.rules.zones import UnknownZone, load_zone
from scheduler_project.lib import plain_text
from scheduler_project.lib.input import InvalidInput

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}", re.ASCII)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
FIELDS = ("name", "slug", "timezone", "weekdays", "holidays", "blackouts")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_NAME, MOST_HOLIDAYS, MOST_BLACKOUTS, MOST_PROBLEMS = 200, 2_000, 500, 50
YEARS = range(1900, 2200)  # those that schedules know

Problems = dict[str, list[str]]


class InvalidCalendar(InvalidInput):
    """Input that is no calendar; `fields` has the messages by path."""


@dataclass(frozen=True)
class BlackoutInput:
    name: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class CalendarInput:
    """A calendar as it is to be stored."""

    name: str = ""
    slug: str = ""
    timezone: str = "UTC"
    weekdays: tuple[int, ...] = ()
    holidays: Mapping[str, str] = field(default_factory=dict)
    blackouts: tuple[BlackoutInput, ...] = ()


def read(data: Mapping[str, Any], current: CalendarInput | None = None, *, replaces: bool = False) -> CalendarInput:
    """What `data` describes, on top of `current` when one is changed; with `replaces` only its slug is kept.

    Raises `InvalidCalendar`.
    """
    base = (CalendarInput(slug=current.slug) if replaces else current) if current else CalendarInput()
    reader = Reader(data, base, is_new=current is None)
    found = reader.read()
    if reader.problems:
        raise InvalidCalendar(reader.problems)
    return found


class Reader:
    def __init__(self, data: Mapping[str, Any], base: CalendarInput, *, is_new: bool) -> None:
        self.data = data
        self.base = base
        self.is_new = is_new
        self.problems: Problems = {}

    def refuse(self, path: str, message: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.setdefault(path, []).append(message)

    def read(self) -> CalendarInput:
        for name in self.data:
            if name not in FIELDS:
                self.refuse(str(name), f"Unknown field. Known are {', '.join(FIELDS)}.")
        name = self.text("name", self.data.get("name", self.base.name))
        readers = {name: getattr(self, name) for name in ("timezone", "weekdays", "holidays", "blackouts")}
        given = {field: read(self.data[field]) for field, read in readers.items() if field in self.data}
        return replace(self.base, name=name, slug=self.slug(name), **given)

    def text(self, path: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            self.refuse(path, "Write a name.")
            return ""
        if len(value.strip()) > MOST_NAME:
            self.refuse(path, f"Write at most {MOST_NAME} characters.")
        if not plain_text.is_printable(value.strip()):
            self.refuse(path, plain_text.REFUSAL)
        return value.strip()

    def slug(self, name: str) -> str:
        given = self.data.get("slug", "" if self.is_new else self.base.slug)
        if self.is_new and given == "":
            return str(slugify(name)[:60].strip("-") or "calendar")
        if not isinstance(given, str) or not SLUG.fullmatch(given):
            self.refuse(
                "slug", "Write 1 to 60 lower-case letters, digits and hyphens, beginning with a letter or digit."
            )
            return ""
        if not self.is_new and given != self.base.slug:
            self.refuse("slug", f"Stays {self.base.slug}: jobs name the calendar by it. Make another calendar instead.")
        return given

    def timezone(self, value: object) -> str:
        if not isinstance(value, str):
            self.refuse("timezone", "Write an IANA name, such as Europe/Berlin.")
            return ""
        try:
            return str(load_zone(value).key)
        except UnknownZone as error:
            self.refuse("timezone", f"There is no time zone {error}; write an IANA name, such as Europe/Berlin.")
            return ""

    def weekdays(self, value: object) -> tuple[int, ...]:
        if not isinstance(value, list | tuple) or len(value) > 14:
            self.refuse("weekdays", "Write a list of working days, 0 (Monday) to 6 or their names; none means all.")
            return ()
        found = [self._weekday(f"weekdays[{position}]", day) for position, day in enumerate(value)]
        return tuple(sorted({day for day in found if day is not None}))

    def _weekday(self, path: str, day: object) -> int | None:
        if isinstance(day, int) and not isinstance(day, bool) and 0 <= day <= 6:
            return day
        if isinstance(day, str):
            for number, name in enumerate(WEEKDAYS):
                if day.strip().lower() in (name, name[:3]):
                    return number
        self.refuse(path, "Write 0 (Monday) to 6 (Sunday), or a name such as monday.")
        return None

    def holidays(self, value: object) -> dict[str, str]:
        if isinstance(value, Mapping):
            entries = [(f"holidays.{day}", day, name) for day, name in value.items()]
        elif isinstance(value, list | tuple):
            entries = [(f"holidays[{position}]", *_day_and_name(entry)) for position, entry in enumerate(value)]
        else:
            self.refuse("holidays", 'Write an object such as {"2026-12-25": "Christmas Day"}, or a list of dates.')
            return {}
        if len(entries) > MOST_HOLIDAYS:
            self.refuse("holidays", f"Write at most {MOST_HOLIDAYS:,} days; these are {len(entries):,}.")
            return {}
        found: dict[str, str] = {}
        for path, day, name in entries:
            if not _is_day(day):
                self.refuse(path, "Write a date such as 2026-12-25, from 1900 to 2199.")
            elif day in found:
                self.refuse(path, f"{day} stands here twice; write it once.")
            else:
                found[str(day)] = self.text(path, name)
        return dict(sorted(found.items()))

    def blackouts(self, value: object) -> tuple[BlackoutInput, ...]:
        if not isinstance(value, list | tuple) or len(value) > MOST_BLACKOUTS:
            self.refuse("blackouts", f"Write a list of at most {MOST_BLACKOUTS} blackouts.")
            return ()
        found = [self._blackout(f"blackouts[{position}]", entry) for position, entry in enumerate(value)]
        return tuple(sorted((one for one in found if one), key=lambda one: (one.starts_at, one.ends_at, one.name)))

    def _blackout(self, path: str, entry: object) -> BlackoutInput | None:
        if not isinstance(entry, Mapping):
            self.refuse(path, "Write an object with name, starts_at and ends_at.")
            return None
        for unknown in [name for name in entry if name not in ("name", "starts_at", "ends_at")]:
            self.refuse(f"{path}.{unknown}", "Unknown field. Known are name, starts_at, ends_at.")
        name = self.text(f"{path}.name", entry.get("name"))
        starts_at = self._instant(f"{path}.starts_at", entry.get("starts_at"))
        ends_at = self._instant(f"{path}.ends_at", entry.get("ends_at"))
        if starts_at is None or ends_at is None:
            return None
        if ends_at <= starts_at:
            self.refuse(f"{path}.ends_at", "Must be later than its start.")
        return BlackoutInput(name, starts_at, ends_at)

    def _instant(self, path: str, value: object) -> datetime | None:
        try:
            instant = parse_datetime(value) if isinstance(value, str) else value
            if isinstance(instant, datetime) and instant.tzinfo is not None and instant.year in YEARS:
                return instant.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        self.refuse(path, "Write an instant with its offset, such as 2026-11-01T09:00:00Z.")
        return None


def _day_and_name(entry: object) -> tuple[object, object]:
    if isinstance(entry, Mapping) and set(entry) <= {"date", "name"}:
        return entry.get("date"), entry.get("name", "Holiday")
    return entry, "Holiday"


def _is_day(day: object) -> bool:
    if not isinstance(day, str) or not DAY.fullmatch(day):
        return False
    try:
        return date.fromisoformat(day).year in YEARS
    except ValueError:
        return False
