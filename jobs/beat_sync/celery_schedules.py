"""A schedule of ours as the nearest one that Celery knows, and the row of it: found or made, never changed.

Nearest means: never at a time at which the job is not due, and as many of its times as one row can say.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule

from jobs.rules.cron import CronSets, expand
from jobs.rules.cron_spelling import cron_from_sets
from jobs.rules.cron_syntax import LAST_WEEK
from jobs.rules.schedule import ScheduleSpec
from scheduler_project.lib import sql

FAR_AWAY = datetime(2199, 1, 1, tzinfo=UTC)
UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))
MODELS: dict[str, type[Model]] = {
    "interval": IntervalSchedule,
    "crontab": CrontabSchedule,
    "clocked": ClockedSchedule,
}
EVERY_DATE = frozenset(range(1, 32))
EVERY_WEEKDAY = frozenset(range(7))


@dataclass(frozen=True)
class CelerySchedule:
    """One of django-celery-beat's kinds of schedule, by the name of the column that points to it."""

    kind: str
    values: dict[str, Any]
    comes: bool = True  # False for one that only fills the column

    @property
    def is_one_off(self) -> bool:
        return self.kind == "clocked"


def nearest(spec: ScheduleSpec) -> CelerySchedule:
    if spec.kind == "interval":
        period, seconds = next(unit for unit in UNITS if spec.every_seconds % unit[1] == 0)
        return CelerySchedule("interval", {"every": spec.every_seconds // seconds, "period": period})
    if spec.kind == "once" and spec.at is not None:
        return CelerySchedule("clocked", {"clocked_time": spec.at})
    if spec.kind == "cron" and (days := _days(spec)) is not None:
        sets = expand(spec.cron)
        spelled = cron_from_sets(sets.minutes, sets.hours, days[0], sets.months, days[1]).split(" ")
        names = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        return CelerySchedule("crontab", {**dict(zip(names, spelled, strict=True)), "timezone": spec.timezone})
    return CelerySchedule("clocked", {"clocked_time": FAR_AWAY}, comes=False)


def row_id(schedule: CelerySchedule, *, likely: int | None) -> int:
    """The row of this schedule, locked against change until the transaction ends. `likely` is where to look first."""
    model = MODELS[schedule.kind]
    found = _find(model, schedule, "AND id = %(id)s", id=likely) if likely else None
    if found is None:
        found = _find(model, schedule)
    if found is None:
        # One by one they would be saved with a signal that tells everyone of a change.
        found = model._default_manager.bulk_create([model(**schedule.values)])[0].pk
    return found


def _find(model: type[Model], schedule: CelerySchedule, more: str = "", **values: object) -> int | None:
    same = " AND ".join(f"{name} = %({name})s" for name in schedule.values)
    statement = f"SELECT id FROM {model._meta.db_table} WHERE {same} {more} ORDER BY id LIMIT 1 FOR SHARE"  # noqa: S608
    row = sql.row(statement, {**schedule.values, **values})
    return row["id"] if row else None


Days = tuple[frozenset[int], frozenset[int]]


def _days(spec: ScheduleSpec) -> Days | None:
    """Dates and weekdays, both of which must match: the largest part of the job's days that has this form."""
    sets = expand(spec.cron)
    dates = _dates(sets)
    by_weekday = list(_by_weekday(sets))
    if not sets.restricts_weekdays:
        choices = [(dates, EVERY_WEEKDAY)]
    elif spec.day_match == "any" and sets.restricts_month_days:
        choices = [(dates, EVERY_WEEKDAY), *by_weekday]
    else:
        choices = [(dates & part, weekdays) for part, weekdays in by_weekday]
    # Celery refuses dates that none of the months has.
    possible = [days for days in choices if all(days) and min(days[0]) <= _longest(sets)]
    return max(possible, key=lambda days: len(days[0]) * len(days[1]), default=None)


def _dates(sets: CronSets) -> frozenset[int]:
    if not sets.last_day:
        return sets.month_days
    # The longest of the months ends with this date, and no other month has it.
    return sets.month_days | {_longest(sets)}


def _longest(sets: CronSets) -> int:
    return max(monthrange(2000, month)[1] for month in sets.months)


def _by_weekday(sets: CronSets) -> Iterator[Days]:
    if sets.weekdays:
        yield EVERY_DATE, sets.weekdays
    weeks: dict[frozenset[int], frozenset[int]] = {}
    for week in {week for _, week in sets.nth_weekdays}:
        weekdays = frozenset(day for day, other in sets.nth_weekdays if other == week)
        # From the 25th on, seven days later is always another month.
        dates = range(25, 32) if week == LAST_WEEK else range(7 * week - 6, min(7 * week, 31) + 1)
        weeks[weekdays] = weeks.get(weekdays, frozenset()) | frozenset(dates)
    for weekdays, dates_of_weeks in weeks.items():
        yield dates_of_weeks, weekdays
