"""Another beat that runs the same rows: noticed by what it writes there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from jobs import ledger
from jobs.models import BeatRow, JobRevision, SchedulerLease, Tick
from jobs.recovery.resync import Resync
from jobs.tick.leader import Leader
from tests.jobs.beat_sync.conftest import Clock, Events, MakeRow, job_of, names
from tests.jobs.conftest import database_now

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def lead(db: None) -> None:
    """We lead since a while."""
    assert Leader("us", ttl=timedelta(minutes=5)).keep()
    SchedulerLease.objects.update(acquired_at=database_now() - timedelta(hours=1))


def let_stock_beat_run(row: PeriodicTask) -> None:
    """As its scheduler does: it counts the run on its copy and saves that sooner or later."""
    row.refresh_from_db()
    next(ModelEntry(row)).save()


class TestAnotherBeat:
    def test_puts_all_adopted_jobs_to_observe(
        self, resync: Resync, make_row: MakeRow, clock: Clock, events: Events
    ) -> None:
        rows = [make_row() for _ in range(3)]
        resync.sweep()
        let_stock_beat_run(rows[1])
        clock.pass_(31)
        resync.sweep()
        assert {job_of(row).mode for row in rows} == {"observe"}
        assert names(events, "beat.other") == ["beat.other_beat_seen"]
        assert "Another beat" in JobRevision.objects.filter(job=job_of(rows[0])).latest("number").note

    def test_leaves_shadows_of_what_would_have_run(self, resync: Resync, make_row: MakeRow, clock: Clock) -> None:
        row = make_row()
        resync.sweep()
        let_stock_beat_run(row)
        clock.pass_(31)
        resync.sweep()
        job = job_of(row)
        assert job.next_tick_at is not None
        with transaction.atomic():
            ledger.decide_due(now=job.next_tick_at, epoch=1)
        assert [(tick.outcome, tick.reason) for tick in Tick.objects.filter(job=job)] == [("shadow", "observe")]

    def test_is_told_once(self, resync: Resync, make_row: MakeRow, clock: Clock, events: Events) -> None:
        row = make_row()
        resync.sweep()
        for _ in range(3):
            let_stock_beat_run(row)
            clock.pass_(31)
            resync.sweep()
        assert names(events, "beat.other") == ["beat.other_beat_seen"]

    def test_is_expected_to_run_new_rows_as_well(self, resync: Resync, make_row: MakeRow, clock: Clock) -> None:
        row = make_row()
        resync.sweep()
        let_stock_beat_run(row)
        clock.pass_(31)
        resync.sweep()
        new = make_row()
        resync.sweep()
        assert job_of(new).mode == "observe"

    def test_is_found_although_we_run_the_row_too(self, resync: Resync, make_row: MakeRow, clock: Clock) -> None:
        row = make_row()
        resync.sweep()
        job = job_of(row)
        assert job.next_tick_at is not None
        with transaction.atomic():
            ledger.decide_due(now=job.next_tick_at, epoch=1)
        PeriodicTask.objects.filter(pk=row.pk).update(last_run_at=job.next_tick_at + timedelta(milliseconds=300))
        resync.sweep()
        clock.pass_(31)
        resync.sweep()
        assert job_of(row).mode == "observe"

    def test_leaves_native_jobs_live(self, resync: Resync, make_row: MakeRow, make_job: object, clock: Clock) -> None:
        native = make_job()  # type: ignore[operator]
        row = make_row()
        resync.sweep()
        native.refresh_from_db()
        let_stock_beat_run(PeriodicTask.objects.get(pk=native.periodic_task_id))
        clock.pass_(31)
        resync.sweep()
        native.refresh_from_db()
        assert (native.mode, job_of(row).mode) == ("live", "observe")

    def test_that_ran_only_before_we_led_is_history(
        self, resync: Resync, make_row: MakeRow, clock: Clock, events: Events
    ) -> None:
        row = make_row()
        resync.sweep()
        let_stock_beat_run(row)
        SchedulerLease.objects.update(acquired_at=database_now() + timedelta(seconds=1))
        clock.pass_(31)
        resync.sweep()
        assert job_of(row).mode == "live"
        assert names(events, "beat.other") == ["beat.other_beat_had_run"]
        clock.pass_(31)
        resync.sweep()
        assert len(names(events, "beat.other")) == 1

    def test_is_not_seen_in_what_people_do(self, resync: Resync, make_row: MakeRow, clock: Clock) -> None:
        row = make_row(last_run_at=database_now())
        resync.sweep()
        row.enabled = False
        row.save()  # forgets the last run
        row.enabled = True
        row.last_run_at = database_now() - timedelta(days=1)  # a stale copy
        row.save()
        clock.pass_(31)
        resync.sweep()
        assert job_of(row).mode == "live"


class TestTakeOver:
    def test_makes_them_live_again(self, resync: Resync, make_row: MakeRow, clock: Clock, capsys: object) -> None:
        rows = [make_row() for _ in range(2)]
        resync.sweep()
        let_stock_beat_run(rows[0])
        clock.pass_(31)
        resync.sweep()
        let_stock_beat_run(rows[1])  # its last words
        call_command("take_over_beat")
        assert "2 adopted jobs are live again" in capsys.readouterr().out  # type: ignore[attr-defined]
        clock.pass_(31)
        resync.sweep()
        assert {job_of(row).mode for row in rows} == {"live"}
        assert not BeatRow.objects.filter(displaced_at__isnull=False).exists()
        new = make_row()
        resync.sweep()
        assert job_of(new).mode == "live"

    def test_does_not_last_while_the_other_still_runs(self, resync: Resync, make_row: MakeRow, clock: Clock) -> None:
        row = make_row()
        resync.sweep()
        let_stock_beat_run(row)
        clock.pass_(31)
        resync.sweep()
        call_command("take_over_beat")
        let_stock_beat_run(row)
        clock.pass_(31)
        resync.sweep()
        assert job_of(row).mode == "observe"
