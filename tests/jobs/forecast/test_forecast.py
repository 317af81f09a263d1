"""Forecasts on PostgreSQL, beside a count by force: ticks of many jobs, durations, bounds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import registry
from jobs.forecast import Upcoming, collisions, forecast, upcoming
from jobs.forecast.durations import mean_seconds
from jobs.models import Calendar, Execution, ExecutionTotal, Job, Maintenance, Worker
from jobs.rules.schedule import ScheduleSpec, occurrences
from jobs.rules.states import Mode
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def cron(expression: str, **more: Any) -> dict[str, Any]:
    return {"kind": "cron", "cron": expression, **more}


def ahead(hours: float = 24, **options: Any) -> Upcoming:
    now = database_now()
    return upcoming(Job.objects.all(), since=now, until=now + hours * HOUR, **options)


def made_run(job: Job, seconds: float, **changes: Any) -> Execution:
    began = database_now()
    execution_id = registry.run_now(job, actor="user:test")
    Execution.objects.filter(pk=execution_id).update(
        **{"status": "succeeded", "started_at": began, "finished_at": began + timedelta(seconds=seconds), **changes}
    )
    return Execution.objects.get(pk=execution_id)


class TestUpcoming:
    def test_is_what_counting_by_force_finds(self, make_job: MakeJob) -> None:
        for schedule in (
            cron("*/7 * * * *"),
            cron("0 2 * * *", timezone="America/New_York"),
            cron("30 9 * * 1-5", timezone="Asia/Kathmandu"),
            {"kind": "interval", "every_seconds": 1000},
            {"kind": "once", "at": (database_now() + 3 * HOUR).isoformat()},
            {"kind": "manual"},
            cron("15 * * * *", spread_seconds=600),
        ):
            make_job(schedule=schedule)
        found = ahead(hours=48)
        expected = sorted(
            (due_at, job.pk)
            for job in Job.objects.all()
            for due_at in occurrences(job.schedule, found.since, found.until)
            if due_at < found.until
        )
        assert [(tick.due_at, tick.job.pk) for tick in found.ticks] == expected
        assert len(expected) > 600
        assert found.is_complete

    def test_says_what_will_keep_a_tick_from_firing(self, make_job: MakeJob) -> None:
        now = database_now()
        jobs = {name: make_job(name=name, schedule=cron("0 * * * *")) for name in ("free", "paused", "soon", "gone")}
        closed = make_job(name="closed", schedule=cron("0 * * * *"))
        Calendar.objects.create(tenant=closed.tenant, slug="never", name="Never", weekdays=[])
        Calendar.objects.get().blackouts.create(name="Freeze", starts_at=now, ends_at=now + 48 * HOUR)
        Job.objects.filter(pk=closed.pk).update(calendars=["never"])
        registry.pause(jobs["paused"].pk, actor="user:ana", note="later")
        registry.pause(jobs["soon"].pk, actor="user:ana", until=now + 2 * HOUR)
        registry.set_mode(jobs["gone"].pk, Mode.OBSERVE, actor="user:ana")
        reasons = Counter((tick.job.name, tick.verdict.reason if tick.verdict else "") for tick in ahead(hours=4).ticks)
        assert reasons == {
            ("free", ""): 4,
            ("paused", "paused"): 4,
            ("soon", "paused"): 2,
            ("soon", ""): 2,
            ("gone", "observe"): 4,
            ("closed", "calendar_blackout"): 4,
        }

    def test_knows_of_maintenance_that_was_announced(self, make_job: MakeJob) -> None:
        make_job(schedule=cron("0 * * * *"))
        now = database_now()
        Maintenance.objects.create(started_at=now, started_by="user:ana", note="new disks", until=now + 2 * HOUR)
        assert [tick.fires for tick in ahead(hours=4).ticks] == [False, False, True, True]

    def test_ends_with_the_last_run_of_a_job(self, make_job: MakeJob) -> None:
        make_job(schedule=cron("* * * * *"), policies={"max_runs": 3})
        assert len(ahead().ticks) == 3

    def test_leaves_disabled_and_broken_jobs_out(self, make_job: MakeJob) -> None:
        make_job(enabled=False)
        broken = make_job()
        Job.objects.filter(pk=broken.pk).update(spec={"kind": "cron", "cron": "what", "timezone": "UTC"})
        assert ahead().ticks == ()

    def test_is_complete_up_to_where_it_ends(self, make_job: MakeJob) -> None:
        for _ in range(3):
            make_job()
        found = ahead(most_ticks=10)
        assert (len(found.ticks), found.is_complete) == (10, False)
        whole = [tick.due_at for tick in ahead(hours=1).ticks if tick.due_at < found.until]
        assert [tick.due_at for tick in found.ticks if tick.due_at < found.until] == whole

    def test_is_complete_up_to_the_first_job_that_is_left_out(self, make_job: MakeJob) -> None:
        for minute in (10, 20, 30):
            make_job(schedule=cron(f"{minute} 3 * * *"))
        found = ahead(most_jobs=2)
        assert (len(found.ticks), found.is_complete) == (2, False)
        assert found.until == Job.objects.order_by("next_tick_at")[2].next_tick_at

    def test_lists_what_is_wanted_of_many_jobs_without_looking_at_all(
        self, make_job: MakeJob, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(5):
            make_job()
        with django_assert_max_num_queries(4):
            assert len(ahead(most_ticks=5).ticks) == 5


class TestForecast:
    def test_multiplies_ticks_with_recorded_durations(self, make_job: MakeJob) -> None:
        hourly, mail = make_job(schedule=cron("0 * * * *")), make_job(schedule=cron("30 * * * *"), queue="mail")
        for seconds in (10, 20):
            made_run(hourly, seconds)
        made_run(mail, 5)
        since = database_now().replace(minute=0, second=0, microsecond=0) + HOUR
        found = forecast(Job.objects.all(), since=since, until=since + 2 * HOUR)
        assert [(entry.hour, entry.queue, entry.ticks, entry.seconds) for entry in found.hours] == [
            (since, "default", 1, 15),
            (since, "mail", 1, 5),
            (since + HOUR, "default", 1, 15),
            (since + HOUR, "mail", 1, 5),
        ]
        assert (found.peak.running, found.unknown, found.held_back) == (1, 0, 0)
        only = forecast(Job.objects.all(), since=since, until=since + HOUR, queue="mail")
        assert [entry.queue for entry in only.hours] == ["mail"]

    def test_says_where_nobody_knows(self, make_job: MakeJob) -> None:
        make_job(schedule=cron("0 * * * *"))
        now = database_now()
        found = forecast(Job.objects.all(), since=now, until=now + HOUR)
        assert (found.unknown, found.hours[0].unknown, found.hours[0].seconds) == (1, 1, 0)

    def test_leaves_out_what_will_not_fire(self, make_job: MakeJob) -> None:
        registry.pause(make_job(schedule=cron("0 * * * *")).pk, actor="user:ana")
        now = database_now()
        found = forecast(Job.objects.all(), since=now, until=now + HOUR)
        assert (found.hours, found.held_back) == ((), 1)

    def test_counts_the_processes_of_workers_that_report(self, make_job: MakeJob) -> None:
        now = database_now()
        for name, concurrency, stopped_at in (("a", 4, None), ("b", 2, None), ("c", 8, now)):
            Worker.objects.create(
                name=name,
                hostname="h",
                pid=1,
                queues=["default"] if name == "a" else ["mail"],
                concurrency=concurrency,
                started_at=now,
                heartbeat_at=now,
                stopped_at=stopped_at,
            )
        since = database_now()
        assert forecast(Job.objects.all(), since=since, until=since + HOUR).processes == 6
        assert forecast(Job.objects.all(), since=since, until=since + HOUR, queue="mail").processes == 2

    def test_names_herds_and_the_jobs_in_them(self, make_job: MakeJob) -> None:
        jobs = [make_job(schedule=cron("0 2 * * *")) for _ in range(3)]
        now = database_now()
        found = forecast(Job.objects.all(), since=now, until=now + 24 * HOUR)
        (herd,) = found.herds
        assert (herd.starts, herd.minute.hour, herd.minute.minute) == (3, 2, 0)
        assert found.job_names == {job.pk: job.name for job in jobs}


class TestDurations:
    def test_falls_back_to_the_template_and_then_to_nothing(self, make_job: MakeJob) -> None:
        own, shared, unknown = make_job(), make_job(), make_job(template="failing")
        made_run(own, 4)
        ExecutionTotal.objects.create(template="echo", kind="succeeded", count=4, seconds=10)
        assert mean_seconds([own, shared, unknown]) == {own.pk: pytest.approx(4), shared.pk: 2.5}

    def test_looks_at_the_newest_that_succeeded(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jobs.forecast.durations.SAMPLE", 3)
        job = make_job()
        for seconds in (1000, 2, 4):
            made_run(job, seconds)
        made_run(job, 77, dry_run=True)
        assert mean_seconds([job]) == {job.pk: pytest.approx(3)}


class TestCollisions:
    def test_names_a_free_minute_of_the_same_hour(self, make_job: MakeJob) -> None:
        for minute in (0, 0, 0, 1):
            make_job(schedule=cron(f"{minute} 2 * * *", timezone="Europe/Berlin"))
        spec = ScheduleSpec.parse(cron("0 2 * * *", timezone="Europe/Berlin"))
        found = collisions(Job.objects.all(), spec, now=database_now())
        assert found is not None
        assert (found.jobs, found.free_cron, found.free_local, found.free_jobs) == (3, "2 2 * * *", "02:02", 0)
        assert found.text == "3 other jobs start in the same minute; 02:02 is free."

    def test_leaves_the_job_itself_out(self, make_job: MakeJob) -> None:
        job = make_job(schedule=cron("0 2 * * *"))
        found = collisions(Job.objects.all(), job.schedule, now=database_now(), leaving_out=job.pk)
        assert found is not None
        assert (found.jobs, found.text) == (0, "")

    def test_suggests_a_spread_where_there_is_no_single_minute(self, make_job: MakeJob) -> None:
        make_job(schedule=cron("*/15 * * * *"))
        found = collisions(Job.objects.all(), ScheduleSpec.parse(cron("*/15 * * * *")), now=database_now())
        assert found is not None
        assert (found.jobs, found.spread_seconds, found.free_cron) == (1, 300, "")

    def test_is_nothing_for_what_is_never_due(self) -> None:
        assert collisions(Job.objects.all(), ScheduleSpec.parse({"kind": "manual"}), now=database_now()) is None

    def test_goes_by_the_clock_of_zones_that_are_half_an_hour_off(self, make_job: MakeJob) -> None:
        make_job(schedule=cron("30 20 * * *", timezone="UTC"))  # 02:00 in Kolkata
        spec = ScheduleSpec.parse(cron("0 2 * * *", timezone="Asia/Kolkata"))
        found = collisions(Job.objects.all(), spec, now=database_now())
        assert found is not None
        assert (found.jobs, found.free_local) == (1, "02:01")


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_ten_thousand_jobs_are_looked_through_at_once(make_job: MakeJob) -> None:
    """Processor time, so that a busy machine does not fail it, and far above what it takes, for coverage slows it."""
    model = make_job()
    today = database_now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    Job.objects.bulk_create(
        Job(
            tenant_id=model.tenant_id,
            slug=f"j{number}",
            name=f"Job {number}",
            template_id=model.template_id,
            spec=cron(f"{number % 60} {number // 60 % 24} * * *", timezone="UTC"),
            policy=model.policy,
            next_tick_at=next_at(today, number),
        )
        for number in range(10_000)
    )
    now = database_now()
    forecast(Job.objects.all(), since=now, until=now + 24 * HOUR)
    spent = time.process_time()
    found = forecast(Job.objects.all(), since=now, until=now + 24 * HOUR)
    assert time.process_time() - spent < 5
    assert found.is_complete
    assert len(found.upcoming.ticks) == 10_000 + 1440
    spent = time.process_time()
    assert len(ahead(most_ticks=100).ticks) == 100
    assert time.process_time() - spent < 1


def next_at(today: datetime, number: int) -> datetime:
    at = today + timedelta(minutes=number % 1440)
    return at if at > database_now() else at + timedelta(days=1)
