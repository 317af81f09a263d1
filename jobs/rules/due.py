"""Walks a schedule of any kind: its due instants in a window, the next one, the newest ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from jobs.rules.cron import calendar_of
from jobs.rules.cron_syntax import BadCron
from jobs.rules.schedule_spec import InvalidSchedule, ScheduleSpec
from jobs.rules.wall_clock import END_INSTANT, FIRST_INSTANT, WallClock
from jobs.rules.zones import EPOCH, UnknownZone, load_zone

HORIZON = EPOCH + timedelta(seconds=END_INSTANT)
_FIRST = EPOCH + timedelta(seconds=FIRST_INSTANT)
_TICK = timedelta(microseconds=1)
_SECOND = 1_000_000


def occurrences(spec: ScheduleSpec, after: datetime, until: datetime) -> Iterator[datetime]:
    """The due instants in UTC with after < due <= until, ascending, without duplicates, lazily.

    `start_at` and `end_at` apply to the due instant itself, that is after the spread was added. Nothing is due before
    1900 or after 2199. Raises InvalidSchedule at once when a stored spec cannot be understood any more.
    """
    start, end = _microseconds(after) + 1, _microseconds(until) + 1
    if spec.start_at is not None:
        start = max(start, _microseconds(spec.start_at))
    if spec.end_at is not None:
        end = min(end, _microseconds(spec.end_at))
    if spec.kind == "cron":
        return _due_by_cron(spec, start, end)
    if spec.kind == "interval":
        return _due_by_interval(spec, start, end)
    is_due = spec.kind == "once" and spec.at is not None and start <= _microseconds(spec.at) < end
    return iter([spec.at.astimezone(UTC)] if is_due and spec.at is not None else [])


@lru_cache(maxsize=8192)  # many jobs with the same schedule are due at the same instant
def next_occurrence(spec: ScheduleSpec, after: datetime) -> datetime | None:
    """The first due instant after `after`, or None when none is left before the year 2200."""
    return next(occurrences(spec, after, HORIZON), None)


def latest(spec: ScheduleSpec, after: datetime, until: datetime, count: int) -> list[datetime]:
    """The newest `count` due instants with after < due <= until, ascending; older ones are not walked through."""
    return list(_latest(spec, after, until, count))


@lru_cache(maxsize=1024)
def _latest(spec: ScheduleSpec, after: datetime, until: datetime, count: int) -> tuple[datetime, ...]:
    found: list[datetime] = []
    start, end = max(after, _FIRST), min(until, HORIZON)
    reach = timedelta(seconds=max(3600, count * (spec.every_seconds or 60)))
    while len(found) < count and start < end:
        since = end - reach if end - start > reach else start
        found = [*occurrences(spec, since, end), *found]
        end, reach = since, reach * 2
    return tuple(found[-count:]) if count > 0 else ()


def spread_offset(job_id: object, spread_seconds: int) -> int:
    """The whole seconds, from 0 up to but not including the spread, by which this job is always late on purpose."""
    if spread_seconds <= 0:
        return 0
    digest = hashlib.sha256(str(job_id).encode()).digest()
    return int.from_bytes(digest[:8], "big") % spread_seconds


def wall_clock_of(spec: ScheduleSpec) -> WallClock:
    """Raises InvalidSchedule."""
    try:
        load_zone(spec.timezone)
        return WallClock(calendar_of(spec.cron, spec.day_match), spec.timezone, spec.gap, spec.fold)
    except UnknownZone as error:
        raise InvalidSchedule({"timezone": [f"{error} is not a time zone of the tzdata package in use."]}) from error
    except BadCron as error:
        raise InvalidSchedule({"cron": [str(error)]}) from error


def _due_by_cron(spec: ScheduleSpec, start: int, end: int) -> Iterator[datetime]:
    clock, spread = wall_clock_of(spec), spec.spread_offset_seconds
    instants = clock.instants(-(-start // _SECOND) - spread, -(-end // _SECOND) - spread)
    return (datetime.fromtimestamp(instant + spread, UTC) for instant in instants)


def _due_by_interval(spec: ScheduleSpec, start: int, end: int) -> Iterator[datetime]:
    if spec.every_seconds <= 0:
        raise InvalidSchedule({"every_seconds": ["An interval schedule needs the seconds between two runs."]})
    anchor = spec.anchor or spec.start_at or EPOCH
    first = _microseconds(anchor) + spec.spread_offset_seconds * _SECOND
    every = spec.every_seconds * _SECOND
    start = max(start, first)
    due = range(first + -(-(start - first) // every) * every, min(end, END_INSTANT * _SECOND), every)
    return (EPOCH + timedelta(microseconds=instant) for instant in due)


def _microseconds(instant: datetime) -> int:
    return (instant - EPOCH) // _TICK
