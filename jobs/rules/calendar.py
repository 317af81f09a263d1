"""Days and hours on which jobs do not run: working days, holidays and blackouts, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from jobs.rules.zones import load_zone

MOST_DAYS_OFF = 3_660  # where a calendar has no day left in ten years, nobody can say when it opens again


@dataclass(frozen=True)
class Closed:
    """Why a calendar leaves an instant out, and when that is over."""

    reason: str
    text: str
    until: datetime | None
    by: str = ""


@dataclass(frozen=True)
class CalendarRules:
    slug: str
    name: str
    timezone: str = "UTC"
    weekdays: frozenset[int] = frozenset()  # 0 is Monday; none means every day
    holidays: Mapping[date, str] = field(default_factory=dict)
    blackouts: tuple[tuple[datetime, datetime, str], ...] = ()
    set_by: str = ""
    # By days off that were asked for: each tick of a long backlog asks, and holidays may follow one another for years.
    _opens: dict[date, datetime | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def closed_at(self, instant: datetime) -> Closed | None:
        """None where jobs may run."""
        for starts_at, ends_at, name in self.blackouts:
            if starts_at <= instant < ends_at:
                return Closed("calendar_blackout", f"{name} ({self.name})", ends_at, self.set_by)
        day = instant.astimezone(load_zone(self.timezone)).date()
        if day in self.holidays:
            text = f"{self.holidays[day]} ({self.name})"
            return Closed("calendar_holiday", text, self._opens_after(day), self.set_by)
        if self._is_day_off(day):
            text = f"{day:%A} is no working day ({self.name})"
            return Closed("calendar_day_off", text, self._opens_after(day), self.set_by)
        return None

    def _is_day_off(self, day: date) -> bool:
        return day in self.holidays or (bool(self.weekdays) and day.weekday() not in self.weekdays)

    def _opens_after(self, day: date) -> datetime | None:
        walked: list[date] = []
        opens: datetime | None = None
        while day not in self._opens and len(walked) < MOST_DAYS_OFF:
            walked.append(day)
            day += timedelta(days=1)
            if not self._is_day_off(day):
                opens = datetime.combine(day, time(), load_zone(self.timezone)).astimezone(UTC)
                break
        else:
            opens = self._opens.get(day)
        self._opens.update(dict.fromkeys(walked, opens))
        return opens


@dataclass(frozen=True)
class MaintenanceWindow:
    """While it is open nothing fires, whatever the tenant."""

    started_at: datetime
    started_by: str
    note: str
    ends_at: datetime | None

    def covers(self, instant: datetime) -> bool:
        return self.started_at <= instant and (self.ends_at is None or instant < self.ends_at)


def first_closed(calendars: Iterable[CalendarRules], instant: datetime) -> Closed | None:
    """The first of the calendars that leaves the instant out."""
    for calendar in calendars:
        if closed := calendar.closed_at(instant):
            return closed
    return None
