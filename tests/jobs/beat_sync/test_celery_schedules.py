"""Our schedules as Celery's: exactly where that can be said, otherwise never at a time that is not due."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from celery import schedules
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTasks

from jobs.beat_sync.celery_schedules import FAR_AWAY, CelerySchedule, nearest, row_id
from jobs.rules.cron import EPOCH_ORDINAL, calendar_of
from jobs.rules.schedule import ScheduleSpec


def cron(expression: str, **more: Any) -> ScheduleSpec:
    return ScheduleSpec(kind="cron", cron=expression, **more)


def spelled(schedule: CelerySchedule) -> str:
    names = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
    return " ".join(schedule.values[name] for name in names)


class TestNearest:
    @pytest.mark.parametrize(
        ("seconds", "every", "period"),
        [(90, 90, "seconds"), (300, 5, "minutes"), (7200, 2, "hours"), (86_400, 1, "days"), (1, 1, "seconds")],
    )
    def test_interval_is_in_the_largest_unit_that_fits(self, seconds: int, every: int, period: str) -> None:
        found = nearest(ScheduleSpec(kind="interval", every_seconds=seconds))
        assert (found.kind, found.values) == ("interval", {"every": every, "period": period})

    def test_crontab_keeps_the_zone(self) -> None:
        found = nearest(cron("30 2 * * 1-5", timezone="Europe/Berlin"))
        assert (found.kind, spelled(found)) == ("crontab", "30 2 * * 1-5")
        assert found.values["timezone"] == "Europe/Berlin"

    def test_once_is_clocked_and_one_off(self) -> None:
        at = datetime(2026, 12, 24, 18, tzinfo=UTC)
        found = nearest(ScheduleSpec(kind="once", at=at))
        assert (found.kind, found.values, found.is_one_off) == ("clocked", {"clocked_time": at}, True)

    def test_by_hand_only_never_comes(self) -> None:
        found = nearest(ScheduleSpec(kind="manual"))
        assert (found.values, found.comes) == ({"clocked_time": FAR_AWAY}, False)

    @pytest.mark.parametrize(
        ("expression", "match", "said"),
        [
            ("0 0 13 * 5", "all", "0 0 13 * 5"),
            ("0 0 * * 5#2", None, "0 0 8-14 * 5"),
            ("0 0 * * 1#1,1#3", None, "0 0 1-7,15-21 * 1"),
            ("0 0 * * 1#1,2#1", None, "0 0 1-7 * 1,2"),
        ],
    )
    def test_says_exactly_what_can_be_said(self, expression: str, match: Any, said: str) -> None:
        assert spelled(nearest(cron(expression, day_match=match))) == said

    @pytest.mark.parametrize(
        ("expression", "match", "said"),
        [
            ("0 0 13 * 5", "any", "0 0 * * 5"),  # the Fridays, without the 13ths
            ("0 0 1-15 * 5", "any", "0 0 1-15 * *"),
            ("0 0 L * *", None, "0 0 31 * *"),
            ("0 0 L 2 *", None, "0 0 29 2 *"),
            ("0 0 15,L 4,6 *", None, "0 0 15,30 4,6 *"),
            ("0 0 * * L5", None, "0 0 25-31 * 5"),
        ],
    )
    def test_leaves_out_what_cannot_be_said(self, expression: str, match: Any, said: str) -> None:
        assert spelled(nearest(cron(expression, day_match=match))) == said

    @pytest.mark.parametrize("match", ["all", "any"])
    @pytest.mark.parametrize("dates", ["*", "13", "1-15", "L", "15,L", "30", "*/2"])
    @pytest.mark.parametrize("weekdays", ["*", "5", "1-5", "5#2", "1#1,3#5", "L5", "0,5#1", "L0,2#2"])
    @pytest.mark.parametrize("months", ["*", "2", "4,6", "2,3"])
    def test_never_comes_on_a_day_that_is_not_due(self, dates: str, weekdays: str, months: str, match: Any) -> None:
        expression = f"0 0 {dates} {months} {weekdays}"
        found = nearest(cron(expression, day_match=match))
        since = date(2020, 1, 1).toordinal() - EPOCH_ORDINAL
        until = since + 5 * 366
        due = set(calendar_of(expression, match).days(since, until))
        if not found.comes:
            return
        celery: Any = schedules.crontab(**{name: value for name, value in found.values.items() if name != "timezone"})
        for number in range(since, until):
            day = date.fromordinal(number + EPOCH_ORDINAL)
            comes = (
                day.month in celery.month_of_year
                and day.day in celery.day_of_month
                and day.isoweekday() % 7 in celery.day_of_week
            )
            assert not comes or number in due, day


@pytest.mark.django_db
class TestRowId:
    def test_finds_the_row_that_another_job_uses(self) -> None:
        schedule = nearest(cron("*/5 * * * *", timezone="Europe/Berlin"))
        assert row_id(schedule, likely=None) == row_id(schedule, likely=None)
        assert CrontabSchedule.objects.count() == 1

    def test_tells_zones_apart(self) -> None:
        row_id(nearest(cron("*/5 * * * *", timezone="Europe/Berlin")), likely=None)
        row_id(nearest(cron("*/5 * * * *", timezone="UTC")), likely=None)
        assert {str(row.timezone) for row in CrontabSchedule.objects.all()} == {"Europe/Berlin", "UTC"}

    def test_takes_the_first_of_several_equal_ones(self) -> None:
        rows = [IntervalSchedule.objects.create(every=5, period="minutes") for _ in range(3)]
        found = row_id(nearest(ScheduleSpec(kind="interval", every_seconds=300)), likely=None)
        assert found == rows[0].pk

    def test_stays_with_the_row_it_had(self) -> None:
        rows = [IntervalSchedule.objects.create(every=5, period="minutes") for _ in range(3)]
        schedule = nearest(ScheduleSpec(kind="interval", every_seconds=300))
        assert row_id(schedule, likely=rows[2].pk) == rows[2].pk

    def test_leaves_the_likely_row_when_it_says_something_else(self) -> None:
        other = IntervalSchedule.objects.create(every=6, period="minutes")
        found = row_id(nearest(ScheduleSpec(kind="interval", every_seconds=300)), likely=other.pk)
        assert found != other.pk
        other.refresh_from_db()
        assert other.every == 6

    def test_tells_nobody_of_a_change(self) -> None:
        row_id(nearest(ScheduleSpec(kind="once", at=datetime(2027, 1, 1, tzinfo=UTC))), likely=None)
        assert ClockedSchedule.objects.count() == 1
        assert PeriodicTasks.last_change() is None
