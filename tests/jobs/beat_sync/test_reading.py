"""A foreign row in our terms, by the meaning that Celery gives it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import schedules
from django.db import connection
from django_celery_beat.models import ClockedSchedule, PeriodicTask, SolarSchedule

from jobs.beat_sync import BY_HAND, Reading, find, read
from jobs.rules.cron import expand
from jobs.rules.schedule import ScheduleSpec, next_occurrence, occurrences
from tests.jobs.beat_sync.conftest import MakeRow, crontab, every

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reading(row: PeriodicTask, before: ScheduleSpec | None = None) -> Reading:
    found = find(row.pk)
    assert found is not None
    return read(found, before=before)


class TestCrontab:
    @pytest.mark.parametrize(
        "text",
        ["*/20 * * * *", "0 9 * * 1-5", "5,35 8-18/2 1-15 */3 *", "0 0 * * sun", "0 0 13 * fri", "0 12 * jan,jul 6,0"],
    )
    def test_has_the_sets_that_celery_parses(self, make_row: MakeRow, text: str) -> None:
        spec = reading(make_row(crontab=crontab(text, "America/New_York"))).schedule
        minute, hour, day_of_month, month_of_year, day_of_week = text.split(" ")
        celery: Any = schedules.crontab(
            minute=minute, hour=hour, day_of_month=day_of_month, month_of_year=month_of_year, day_of_week=day_of_week
        )
        sets = expand(spec.cron)
        assert (sets.minutes, sets.hours, sets.month_days) == (celery.minute, celery.hour, celery.day_of_month)
        assert (sets.months, sets.weekdays) == (celery.month_of_year, celery.day_of_week)
        assert (spec.kind, spec.timezone) == ("cron", "America/New_York")

    def test_means_both_kinds_of_day(self, make_row: MakeRow) -> None:
        spec = reading(make_row(crontab=crontab("0 0 13 * 5"))).schedule
        assert spec.day_match == "all"
        assert next_occurrence(spec, datetime(2026, 11, 14, tzinfo=UTC)) == datetime(2027, 8, 13, tzinfo=UTC)

    def test_loses_nothing_when_the_clocks_go_back(self, make_row: MakeRow) -> None:
        spec = reading(make_row(crontab=crontab("*/20 * * * *", "America/New_York"))).schedule
        night = datetime(2026, 11, 1, 4, tzinfo=UTC)
        assert len(list(occurrences(spec, night, night + timedelta(hours=4)))) == 12

    def test_may_be_longer_than_what_people_may_write(self, make_row: MakeRow) -> None:
        minutes = ",".join(str(minute) for minute in range(60) if minute % 3 != 1)
        spec = reading(make_row(crontab=crontab(f"{minutes} * 1,3,5,7,9,11,13,15,17,19 * *"))).schedule
        assert len(spec.cron) > 100
        assert next_occurrence(spec, START) is not None


class TestInterval:
    @pytest.mark.parametrize(
        ("number", "period", "seconds"),
        [(1, "seconds", 1), (30, "seconds", 30), (2, "days", 172_800), (2_000_000, "microseconds", 2)],
    )
    def test_may_be_shorter_than_a_minute(self, make_row: MakeRow, number: int, period: str, seconds: int) -> None:
        assert reading(make_row(interval=every(number, period))).schedule.every_seconds == seconds

    def test_counts_from_its_start(self, make_row: MakeRow) -> None:
        spec = reading(make_row(start_time=START, last_run_at=START + timedelta(days=3))).schedule
        assert (spec.anchor, spec.start_at) == (START, START)

    def test_counts_from_its_last_run_when_it_has_no_start(self, make_row: MakeRow) -> None:
        spec = reading(make_row(last_run_at=START + timedelta(seconds=5, microseconds=7))).schedule
        assert spec.anchor == START + timedelta(seconds=5)

    def test_counts_from_its_last_change_when_it_never_ran(self, make_row: MakeRow) -> None:
        row = make_row()
        assert reading(row).schedule.anchor == row.date_changed.replace(microsecond=0)

    def test_goes_on_as_it_was_when_it_has_not_changed(self, make_row: MakeRow) -> None:
        row = make_row(last_run_at=START)
        before = reading(row).schedule
        PeriodicTask.objects.filter(pk=row.pk).update(last_run_at=START + timedelta(seconds=1))
        assert reading(row, before).schedule == before
        PeriodicTask.objects.filter(pk=row.pk).update(interval=every(2, "minutes"))
        assert reading(row, before).schedule.anchor == START + timedelta(seconds=1)


class TestOtherColumns:
    def test_clocked_is_once(self, make_row: MakeRow) -> None:
        clocked = ClockedSchedule.objects.create(clocked_time=START)
        found = reading(make_row(clocked=clocked, one_off=True))
        assert (found.schedule.kind, found.schedule.at, found.is_one_off) == ("once", START, True)

    def test_start_and_expiry_bound_the_schedule(self, make_row: MakeRow) -> None:
        expires = START + timedelta(days=1)
        found = reading(make_row(crontab=crontab("0 * * * *"), start_time=START, expires=expires))
        assert (found.schedule.start_at, found.schedule.end_at) == (START, expires)
        assert found.parameters["expires_at"] == "2026-03-02T12:00:00+00:00"

    def test_expire_seconds_are_the_start_deadline(self, make_row: MakeRow) -> None:
        found = reading(make_row(expire_seconds=90))
        assert (found.start_deadline_seconds, found.parameters["expire_seconds"]) == (90, 90)
        assert reading(make_row(expire_seconds=0)).start_deadline_seconds is None

    def test_arguments_and_routing_become_parameters(self, make_row: MakeRow) -> None:
        row = make_row(
            args='[1, {"a": null}]',
            kwargs='{"when": {"__type__": "datetime", "__value__": "2026-01-01T00:00:00"}}',
            queue="reports",
            exchange="x",
            routing_key="x.y",
            headers='{"h": 1}',
            priority=7,
        )
        assert reading(row).parameters == {
            "task": "elsewhere.build",
            "args": [1, {"a": None}],
            "kwargs": {"when": {"__type__": "datetime", "__value__": "2026-01-01T00:00:00"}},
            "queue": "reports",
            "exchange": "x",
            "routing_key": "x.y",
            "headers": {"h": 1},
            "priority": 7,
        }

    def test_what_is_empty_is_left_out(self, make_row: MakeRow) -> None:
        row = make_row(args="", kwargs="", queue="")
        assert reading(row).parameters == {"task": "elsewhere.build", "args": [], "kwargs": {}}


class TestQuarantine:
    @pytest.mark.parametrize(
        ("values", "says"),
        [
            ({"args": "[1,"}, "args are not JSON"),
            ({"args": "{}"}, "args must be a JSON list"),
            ({"kwargs": "[]"}, "kwargs must be a JSON object"),
            ({"headers": '"x"'}, "headers must be a JSON object"),
            ({"kwargs": "[" * 100_000}, "kwargs are not JSON"),
            ({"task": "scheduler.run_job"}, "Daybook's own"),
        ],
    )
    def test_names_what_cannot_be_read(self, make_row: MakeRow, values: dict[str, Any], says: str) -> None:
        found = reading(make_row(**values))
        assert says in found.problem
        assert (found.schedule, found.parameters) == (BY_HAND, {})

    @pytest.mark.parametrize(
        ("text", "zone", "says"),
        [
            ("0 25 * * *", "UTC", "Celery cannot read"),
            ("nonsense * * * *", "UTC", "Celery cannot read"),
            ("0 0 30 2 *", "UTC", "Celery cannot read"),
            ("0 0 * * *", "Mars/Olympus", "not a known one"),
        ],
    )
    def test_names_what_is_wrong_with_a_crontab(self, make_row: MakeRow, text: str, zone: str, says: str) -> None:
        row = make_row(crontab=crontab(text))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE django_celery_beat_crontabschedule SET timezone = %s", [zone])
        found = reading(row)
        assert says in found.problem
        assert found.parameters["task"] == "elsewhere.build"

    @pytest.mark.parametrize(
        ("number", "period"), [(500_000, "microseconds"), (0, "minutes"), (-1, "days"), (1, "aeons")]
    )
    def test_names_an_interval_that_cannot_be_kept(self, make_row: MakeRow, number: int, period: str) -> None:
        assert f"An interval of {number} {period}" in reading(make_row(interval=every(number, period))).problem

    def test_names_a_solar_schedule(self, make_row: MakeRow) -> None:
        solar = SolarSchedule.objects.create(event="sunrise", latitude=52, longitude=13)
        assert "Solar schedules are not supported" in reading(make_row(solar=solar)).problem

    def test_names_a_row_with_no_schedule_or_several(self, make_row: MakeRow) -> None:
        row = make_row()
        PeriodicTask.objects.filter(pk=row.pk).update(crontab=crontab("* * * * *"))
        assert "interval and crontab" in reading(row).problem
        PeriodicTask.objects.filter(pk=row.pk).update(crontab=None, interval=None)
        assert "it names none" in reading(row).problem


class TestAgainstCelery:
    """The instants of a year of ordinary crontabs, where Celery's own arithmetic can be trusted: in UTC."""

    @pytest.mark.parametrize("text", ["0 9 * * 1-5", "*/45 */6 1-7 * *", "15 3 29 2 *", "0 0 1 1,4 *"])
    def test_comes_when_celery_comes(self, make_row: MakeRow, text: str) -> None:
        spec = reading(make_row(crontab=crontab(text))).schedule
        celery: Any = schedules.crontab(*text.split(" ")[:2], *reversed(_days(text)), nowfun=lambda: START)
        ours = list(itertools.islice(occurrences(spec, START, START + timedelta(days=3000)), 20))
        theirs: list[datetime] = []
        last = START
        while len(theirs) < len(ours):
            celery.nowfun = lambda last=last: last
            last = last + celery.remaining_estimate(last)
            theirs.append(last)
        assert ours == theirs


def _days(text: str) -> list[str]:
    _, _, day_of_month, month_of_year, day_of_week = text.split(" ")
    return [month_of_year, day_of_month, day_of_week]
