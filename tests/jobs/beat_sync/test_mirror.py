"""The row of a native job: always what the job says, written with it, and readable by others."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import ModelEntry

from jobs import registry
from jobs.beat_sync import find_changed
from jobs.beat_sync.celery_schedules import FAR_AWAY
from jobs.definition import InvalidJob
from jobs.models import Job
from jobs.rules.states import Mode

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db

EVERY_MINUTE = {"kind": "interval", "every_seconds": 60}


def row_of(job: Job) -> PeriodicTask:
    job.refresh_from_db()
    return PeriodicTask.objects.select_related("interval", "crontab", "clocked").get(pk=job.periodic_task_id)


class TestMirror:
    def test_says_what_the_job_says(self, make_job: MakeJob) -> None:
        job = make_job(
            name="Nightly",
            schedule={
                "kind": "cron",
                "cron": "0 2 * * *",
                "timezone": "Europe/Berlin",
                "start_at": "2026-01-01T00:00:00Z",
                "end_at": "2100-01-01T00:00:00Z",
            },
            queue="reports",
            priority="high",
        )
        row = row_of(job)
        assert (row.name, row.task, row.enabled) == (f"daybook:{job.pk}", "scheduler.run_job", True)
        assert (json.loads(row.args), json.loads(row.kwargs)) == ([], {"job_id": job.pk})
        assert (row.queue, row.priority, row.one_off) == ("reports", 3, False)
        assert (row.crontab.hour, str(row.crontab.timezone)) == ("2", "Europe/Berlin")
        assert (row.start_time.year, row.expires.year) == (2026, 2100)
        assert "Nightly" in row.description

    def test_can_be_read_by_stock_beat(self, make_job: MakeJob) -> None:
        entry = ModelEntry(row_of(make_job(queue="reports")))
        assert (entry.task, entry.kwargs["job_id"] > 0, entry.options["queue"]) == (
            "scheduler.run_job",
            True,
            "reports",
        )
        assert not entry.is_due().is_due or datetime.now(UTC).second == 0  # it has not run "long ago"

    @pytest.mark.parametrize(
        ("schedule", "kind", "is_enabled"),
        [
            ({"kind": "cron", "cron": "0 9 * * *"}, "crontab", True),
            ({"kind": "interval", "every_seconds": 300}, "interval", True),
            ({"kind": "once", "at": "2150-01-01T00:00:00Z"}, "clocked", True),
            ({"kind": "manual"}, "clocked", False),
        ],
    )
    def test_has_the_schedule_of_its_kind(
        self, make_job: MakeJob, schedule: dict[str, Any], kind: str, is_enabled: bool
    ) -> None:
        row = row_of(make_job(schedule=schedule))
        row.full_clean()
        pointers = {name: getattr(row, f"{name}_id") for name in ("interval", "crontab", "clocked", "solar")}
        assert [name for name, value in pointers.items() if value] == [kind]
        assert row.enabled is is_enabled

    def test_of_a_job_by_hand_is_far_away(self, make_job: MakeJob) -> None:
        assert row_of(make_job(schedule={"kind": "manual"})).clocked.clocked_time == FAR_AWAY

    def test_expires_by_the_start_deadline(self, make_job: MakeJob) -> None:
        row = row_of(make_job(policies={"start_deadline_seconds": 90}))
        assert (row.expire_seconds, row.expires) == (90, None)

    @pytest.mark.parametrize("verb", [registry.pause, registry.disable, registry.archive])
    def test_is_enabled_only_while_the_job_is_at_work(self, make_job: MakeJob, verb: Callable[..., Job]) -> None:
        job = make_job()
        verb(job.pk, actor="user:ana")
        assert not row_of(job).enabled

    def test_is_not_enabled_while_the_job_is_only_observed(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.set_mode(job.pk, Mode.OBSERVE, actor="user:ana")
        assert not row_of(job).enabled
        registry.set_mode(job.pk, Mode.LIVE, actor="user:ana")
        assert row_of(job).enabled

    def test_follows_each_change_in_the_same_row(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_MINUTE)
        before = row_of(job)
        registry.change(job.pk, {"schedule": {"kind": "cron", "cron": "5 4 * * *"}, "queue": "other"}, actor="user:ana")
        after = row_of(job)
        assert after.pk == before.pk
        assert (after.interval_id, after.crontab.minute, after.queue) == (None, "5", "other")
        registry.pause(job.pk, actor="user:ana")
        registry.resume(job.pk, actor="user:ana")
        assert row_of(job).enabled
        assert PeriodicTask.objects.count() == 1

    def test_is_not_there_when_the_change_is_not(self, make_job: MakeJob) -> None:
        job = make_job()
        with transaction.atomic():
            registry.change(job.pk, {"queue": "other"}, actor="user:ana")
            transaction.set_rollback(True)
        assert row_of(job).queue == "default"
        with pytest.raises(InvalidJob):
            make_job(queue="a b")
        assert PeriodicTask.objects.count() == 1


class TestSharedSchedules:
    def test_one_row_serves_all_jobs_and_others(self, make_job: MakeJob) -> None:
        shared = IntervalSchedule.objects.create(every=1, period="minutes")
        jobs = [make_job(schedule=EVERY_MINUTE) for _ in range(3)]
        assert {row_of(job).interval_id for job in jobs} == {shared.pk}

    def test_is_left_as_it_is_when_one_job_changes(self, make_job: MakeJob) -> None:
        one, other = make_job(schedule=EVERY_MINUTE), make_job(schedule=EVERY_MINUTE)
        registry.change(one.pk, {"schedule": {"kind": "interval", "every_seconds": 120}}, actor="user:ana")
        assert (row_of(one).interval.every, row_of(other).interval.every) == (2, 1)


class TestOwnWrites:
    def test_do_not_look_like_anyones_change(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.change(job.pk, {"queue": "other", "schedule": EVERY_MINUTE}, actor="user:ana")
        registry.pause(job.pk, actor="user:ana")
        assert PeriodicTasks.last_change() is None
        assert not find_changed(after=0, limit=10, adopt=True)

    def test_cost_the_same_however_many_jobs_there_are(self, make_job: MakeJob) -> None:
        job = make_job()

        def statements() -> int:
            with CaptureQueriesContext(connection) as captured:
                registry.pause(job.pk, actor="user:ana")
                registry.resume(job.pk, actor="user:ana")
            return len(captured)

        before = statements()
        for _ in range(30):
            make_job()
        assert statements() == before


class TestNames:
    def test_leaves_a_foreign_row_its_name(self, make_job: MakeJob) -> None:
        number = make_job().pk + 1
        every_minute = IntervalSchedule.objects.create(every=1, period="minutes")
        foreign = PeriodicTask.objects.create(name=f"daybook:{number}", task="a.b", interval=every_minute)
        job = make_job()
        assert job.pk == number
        assert row_of(job).name == f"daybook:{number} (revision 1)"
        foreign.refresh_from_db()
        assert foreign.task == "a.b"


class TestLastRun:
    def test_is_now_so_that_beat_does_not_start_with_a_run(self, make_job: MakeJob) -> None:
        row = row_of(make_job(schedule={"kind": "cron", "cron": "0 9 * * *", "start_at": "2026-01-01T00:00:00Z"}))
        assert datetime.now(UTC) - row.last_run_at < timedelta(minutes=1)
        assert not ModelEntry(row).is_due().is_due


class TestForeignRowsOfTheSameSchedule:
    def test_are_deleted_with_it_without_harm(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "cron", "cron": "0 9 * * *"})
        CrontabSchedule.objects.all().delete()
        registry.change(job.pk, {"queue": "other"}, actor="user:ana")
        row = row_of(job)
        assert (row.queue, row.crontab.hour) == ("other", "9")
