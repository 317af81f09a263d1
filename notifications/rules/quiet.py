"""Quiet hours: when they end, in any zone, over midnight and over changes of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from jobs.rules.zones import UnknownZone, load_zone
from notifications.rules.rule import QuietHours

MOST_STEPS = 8  # quiet hours of a rule and of a person that begin where the others end


def quiet_until(at: datetime, hours: QuietHours | None) -> datetime | None:
    """The end of the quiet hours that `at` lies in; None when it lies in none."""
    if hours is None or hours.starts == hours.ends:
        return None
    day = at.astimezone(_zone(hours.zone)).date()
    for begins_on in (day - timedelta(days=1), day):
        starts = instant(begins_on, hours.starts, hours.zone)
        is_over_midnight = hours.ends < hours.starts
        ends_on = begins_on + timedelta(days=1) if is_over_midnight else begins_on
        ends = instant(ends_on, hours.ends, hours.zone)
        if starts <= at < ends:
            return ends
    return None


def after_quiet(at: datetime, *hours: QuietHours | None) -> datetime:
    """The first instant from `at` on in none of them. Two that fill the day are no reason to wait for ever."""
    for _ in range(MOST_STEPS):
        ends = max((end for one in hours if (end := quiet_until(at, one)) is not None), default=None)
        if ends is None:
            return at
        at = ends
    return at


@lru_cache(maxsize=256)
def day_of(at: datetime, zone: str) -> date:
    return at.astimezone(_zone(zone)).date()


def end_of_day(at: datetime, zone: str) -> datetime:
    return instant(day_of(at, zone) + timedelta(days=1), time(), zone)


def instant(day: date, wall: time, zone: str) -> datetime:
    """When clocks show it for the first time; for one that they leave out, as far after the gap as it lies in it."""
    return datetime.combine(day, wall, tzinfo=_zone(zone)).astimezone(UTC)


def _zone(name: str) -> tzinfo:
    """UTC for one that is known no more: nobody else's notifications wait until somebody mends it."""
    try:
        return load_zone(name)
    except UnknownZone:
        return UTC
