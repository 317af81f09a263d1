"""What is worth knowing of a schedule, case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from jobs import advice
from jobs.models import Execution, Job
from jobs.rules.schedule import ScheduleSpec
from scheduler_project.lib import sql
from tests.jobs.agendas import tick_of
from tests.jobs.api.conftest import MakeJob, job_of

__all__ = ["job_of"]

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)  # a Saturday


def told(spec: ScheduleSpec, now: datetime = NOON) -> dict[str, advice.Advice]:
    return {one.code: one for one in advice.advise(spec, now=now, jobs=Job.objects.none())}


def cron(text: str, zone: str = "UTC") -> ScheduleSpec:
    return ScheduleSpec("cron", zone, cron=text)


@pytest.mark.django_db
class TestAdvice:
    def test_says_when_the_first_run_is_not_today(self) -> None:
        assert told(cron("0 9 * * *"))["first_run"].text == "09:00 has passed today: the first run is tomorrow."
        assert "on Saturday 28 November" in told(cron("0 9 * * sat"))["first_run"].text
        for later in ("0 13 * * *", "0 9 * * mon", "*/5 * * * *"):
            assert "first_run" not in told(cron(later))

    def test_says_that_months_are_left_out(self) -> None:
        assert told(cron("0 9 31 * *"))["short_months"].fix == {"cron": "0 9 L * *"}
        assert told(cron("0 9 29,30 * *"))["short_months"].fix == {}
        for whole in ("0 9 28 * *", "0 9 L * *", "0 9 31 1,3 *", "0 9 * * 5"):
            assert "short_months" not in told(cron(whole))

    def test_dates_the_changes_of_the_clocks(self) -> None:
        nightly = cron("30 2 * * *", "Europe/Berlin")
        found = [one.text for one in advice.of_clocks(nightly, now=NOON)]
        assert ["2027-03-28 02:00" in found[0], "2027-10-31 02:00" in found[1], len(found)] == [True, True, 2]
        assert "clocks" not in told(cron("30 2 * * *"))
        assert "clocks" not in told(cron("*/10 * * * *", "Europe/Berlin"))

    def test_says_that_nothing_is_due(self) -> None:
        assert told(ScheduleSpec("once", at=NOON))["ended"].text == "Nothing is due any more: this moment has passed."
        assert told(ScheduleSpec("manual")) == {}

    def test_says_that_runs_take_longer_than_they_are_apart(self, job_of: MakeJob) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "*/5 * * * *"})
        now = sql.now()
        for number in range(5):
            tick_of(job, now - timedelta(hours=number + 1), status="succeeded")
        Execution.objects.filter(job_id=job.pk).update(finished_at=F("started_at") + timedelta(minutes=12))
        found = advice.advise(job.schedule, now=now, jobs=Job.objects.none(), job_id=job.pk, overlap="skip")
        assert [one.text for one in found if one.code == "overlap"] == [
            "Of its runs 5 % take 12 minutes or longer, but one is due every 5 minutes: "
            "a run that is due meanwhile is skipped."
        ]
        seldom = advice.advise(cron("0 * * * *"), now=now, jobs=Job.objects.none(), job_id=job.pk, overlap="skip")
        assert "overlap" not in {one.code for one in seldom}

    def test_offers_a_spread_where_no_single_minute_would_do(self, job_of: MakeJob) -> None:
        job_of(schedule={"kind": "cron", "cron": "*/15 * * * *"})
        found = list(advice.of_crowd(cron("*/15 * * * *"), now=sql.now(), jobs=Job.objects.all()))
        assert [one.fix for one in found] == [{"spread_seconds": 300}]
        assert found[0].fix_text == "Spread over 5 min"
