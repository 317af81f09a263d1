"""A row that others made, in our terms: a schedule, parameters of `celery_task`, and what keeps it from being run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import schedules

from jobs.beat_sync.rows import Row
from jobs.rules.cron import calendar_of
from jobs.rules.cron_spelling import cron_from_sets
from jobs.rules.policy import DAY
from jobs.rules.schedule import ScheduleSpec
from jobs.rules.zones import zone_names
from templates_registry.reserved_tasks import is_own

BY_HAND = ScheduleSpec(kind="manual")
LONGEST_DEADLINE = 366 * DAY
HIGHEST_PRIORITY = 255


class Unreadable(ValueError):
    """A row, or a part of one, that has no meaning here; the message is for operators."""


@dataclass(frozen=True)
class Reading:
    """What a row says. With a `problem` it is quarantined: its schedule is "only by hand", whatever the row says."""

    schedule: ScheduleSpec
    parameters: dict[str, Any]
    start_deadline_seconds: int | None
    is_one_off: bool
    problem: str = ""


def read(row: Row, *, before: ScheduleSpec | None = None) -> Reading:
    """`before` is the schedule that the job has had so far: an interval that has not changed goes on as it was."""
    problems = []
    schedule, parameters = BY_HAND, {}
    try:
        parameters = _parameters(row)
    except Unreadable as error:
        problems.append(str(error))
    try:
        schedule = _schedule(row, before)
    except Unreadable as error:
        problems.append(str(error))
    if is_own(row.task):
        problems.append(f"The task {row.task} is one of Daybook's own, which only Daybook sends.")
        parameters = {}
    return Reading(
        schedule=BY_HAND if problems else schedule,
        parameters=parameters,
        start_deadline_seconds=min(row.expire_seconds, LONGEST_DEADLINE) if row.expire_seconds else None,
        is_one_off=row.one_off,
        problem=" ".join(problems),
    )


def _schedule(row: Row, before: ScheduleSpec | None) -> ScheduleSpec:
    kinds = [kind for kind in ("interval", "crontab", "clocked", "solar") if getattr(row, f"{kind}_id") is not None]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none"
        raise Unreadable(f"The row must name one schedule; it names {found}.")
    if kinds == ["solar"]:
        raise Unreadable("Solar schedules are not supported; give the row a crontab.")
    if kinds == ["crontab"]:
        return _crontab(row)
    if kinds == ["interval"]:
        return _interval(row, before)
    return ScheduleSpec(kind="once", at=row.clocked_time, start_at=row.start_time, end_at=row.expires)


def _crontab(row: Row) -> ScheduleSpec:
    if row.timezone not in zone_names():
        raise Unreadable(f"The crontab's time zone {row.timezone} is not a known one.")
    try:
        sets: Any = schedules.crontab(
            minute=row.minute or "",
            hour=row.hour or "",
            day_of_month=row.day_of_month or "",
            month_of_year=row.month_of_year or "",
            day_of_week=row.day_of_week or "",
        )
        cron = cron_from_sets(sets.minute, sets.hour, sets.day_of_month, sets.month_of_year, sets.day_of_week)
    except (ValueError, TypeError) as error:
        raise Unreadable(f"Celery cannot read the crontab: {error}.") from error
    if calendar_of(cron, "all").never_comes:
        raise Unreadable("No calendar has a date that the crontab asks for, so it would never run.")
    # Celery means both when both kinds of day are restricted.
    return ScheduleSpec(
        kind="cron",
        cron=cron,
        timezone=row.timezone,
        day_match="all" if _restricts_both(cron) else None,
        start_at=row.start_time,
        end_at=row.expires,
    )


def _restricts_both(cron: str) -> bool:
    _, _, day_of_month, _, day_of_week = cron.split(" ")
    return "*" not in (day_of_month, day_of_week)


def _interval(row: Row, before: ScheduleSpec | None) -> ScheduleSpec:
    try:
        every = timedelta(**{row.period or "": row.every or 0})
    except (TypeError, OverflowError) as error:
        raise Unreadable(f"An interval of {row.every} {row.period} cannot be read.") from error
    seconds = int(every.total_seconds())
    if seconds < 1 or every != timedelta(seconds=seconds):
        raise Unreadable(f"An interval of {row.every} {row.period} is not a whole number of seconds.")
    anchor = row.start_time or (row.last_run_at or row.date_changed).replace(microsecond=0)
    if before is not None and (before.kind, before.every_seconds, before.start_at) == (
        "interval", seconds, row.start_time,
    ):  # fmt: skip
        anchor = before.anchor or anchor
    return ScheduleSpec(
        kind="interval", every_seconds=seconds, anchor=anchor, start_at=row.start_time, end_at=row.expires
    )


def _parameters(row: Row) -> dict[str, Any]:
    headers = _json(row.headers, "headers", dict)
    said: dict[str, Any] = {
        "queue": row.queue or None,
        "exchange": row.exchange or None,
        "routing_key": row.routing_key or None,
        "priority": None if row.priority is None else min(row.priority, HIGHEST_PRIORITY),
        "headers": headers or None,
        "expires_at": _text(row.expires),
        # Of the two beat passes on the date.
        "expire_seconds": None if row.expires else row.expire_seconds or None,
    }
    return {
        "task": row.task,
        "args": _json(row.args, "args", list),
        "kwargs": _json(row.kwargs, "kwargs", dict),
        **{name: value for name, value in said.items() if value is not None},
    }


def _json(text: str | None, column: str, kind: type) -> Any:
    try:
        value = json.loads(text or ("[]" if kind is list else "{}"))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The row's {column} are not JSON: {error}.") from error
    if not isinstance(value, kind):
        raise Unreadable(f"The row's {column} must be a JSON {'list' if kind is list else 'object'}.")
    return value


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat()
