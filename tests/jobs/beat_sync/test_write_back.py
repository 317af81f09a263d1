"""What the rows learn of the runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django_celery_beat.models import ClockedSchedule, PeriodicTask, PeriodicTasks

from jobs import ledger
from jobs.beat_sync import find_changed, note_runs
from jobs.models import BeatRow, Execution, Job, Tick
from jobs.recovery.resync import Resync
from jobs.rules.states import Origin
from tests.jobs.beat_sync.conftest import Admin, Clock, MakeRow, crontab, job_of
from tests.jobs.conftest import database_now

pytestmark = pytest.mark.django_db


def let_run(row: PeriodicTask, due_at: datetime) -> None:
    """The scheduler's turn, with one occurrence due and no run in its way."""
    job = job_of(row)
    Execution.objects.filter(job=job).update(status="succeeded", finished_at=database_now())
    Job.objects.filter(pk=job.pk).update(spec={**job.spec, "anchor": due_at.isoformat()}, next_tick_at=due_at)
    with transaction.atomic():
        ledger.decide_due(now=due_at + timedelta(seconds=1), epoch=1)


class TestNoteRuns:
    def test_writes_last_run_and_count(self, resync: Resync, make_row: MakeRow) -> None:
        rows = [make_row(total_run_count=5), make_row()]
        resync.sweep()
        due_at = database_now().replace(microsecond=0)
        let_run(rows[0], due_at)
        resync.sweep()
        for row in rows:
            row.refresh_from_db()
        assert (rows[0].last_run_at, rows[0].total_run_count) == (due_at, 6)
        assert (rows[1].last_run_at, rows[1].total_run_count) == (None, 0)

    def test_does_not_look_like_a_change(self, resync: Resync, make_row: MakeRow, clock: Clock) -> None:
        row = make_row()
        resync.sweep()
        mark = PeriodicTasks.last_change()
        let_run(row, database_now())
        resync.sweep()
        assert PeriodicTasks.last_change() == mark
        assert not find_changed(after=0, limit=10, adopt=True)
        clock.pass_(301)
        resync.sweep()
        assert job_of(row).revision == 1
        assert job_of(row).mode == "live"

    def test_counts_nothing_twice(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row()
        resync.sweep()
        let_run(row, database_now())
        resync.sweep()
        resync.sweep()
        row.refresh_from_db()
        assert row.total_run_count == 1

    def test_notes_runs_of_native_jobs_with_the_full_comparison(
        self, resync: Resync, make_job: Callable[..., Job], clock: Clock
    ) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 60})
        job.refresh_from_db()
        row = PeriodicTask.objects.get(pk=job.periodic_task_id)
        due_at = row.last_run_at + timedelta(minutes=5)
        let_run(row, due_at)
        resync.sweep()
        row.refresh_from_db()
        assert row.total_run_count == 0
        clock.pass_(301)
        resync.sweep()
        row.refresh_from_db()
        assert (row.last_run_at, row.total_run_count) == (due_at, 1)

    def test_goes_on_behind_rows_that_somebody_holds(self, resync: Resync, make_row: MakeRow) -> None:
        rows = [make_row() for _ in range(3)]
        resync.sweep()
        for row in rows:
            let_run(row, database_now())
        assert note_runs(Origin.ADOPTED) == 3


class TestOneOff:
    def test_row_ends_with_its_run(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row(one_off=True)
        resync.sweep()
        let_run(row, database_now())
        resync.sweep()
        row.refresh_from_db()
        assert (row.enabled, row.total_run_count) == (False, 1)
        job = job_of(row)
        assert (job.next_tick_at, job.revision) == (None, 1)
        assert not find_changed(after=0, limit=10, adopt=True)

    def test_clocked_row_ends_with_its_run(self, resync: Resync, make_row: MakeRow) -> None:
        at = database_now() + timedelta(hours=1)
        row = make_row(one_off=True, clocked=ClockedSchedule.objects.create(clocked_time=at))
        resync.sweep()
        with transaction.atomic():
            ledger.decide_due(now=at, epoch=1)
        resync.sweep()
        row.refresh_from_db()
        assert (row.enabled, row.last_run_at) == (False, at)

    def test_row_runs_once_more_when_somebody_enables_it_again(
        self, resync: Resync, make_row: MakeRow, admin: Admin
    ) -> None:
        row = make_row(one_off=True)
        resync.sweep()
        let_run(row, database_now())
        resync.sweep()
        row.refresh_from_db()
        admin.change_task(row, enabled="on")
        resync.sweep()
        job = job_of(row)
        assert job.policies.max_runs == 2
        assert job.next_tick_at is not None
        let_run(row, database_now())
        resync.sweep()
        row.refresh_from_db()
        assert not row.enabled
        assert Tick.objects.filter(job=job, outcome="fired").count() == 2

    def test_row_that_is_edited_before_its_end_is_noted_stays_over(
        self, resync: Resync, make_row: MakeRow, admin: Admin
    ) -> None:
        row = make_row(one_off=True)
        resync.sweep()
        let_run(row, database_now())
        row.refresh_from_db()
        assert row.enabled  # nobody has told it yet
        admin.change_task(row, kwargs='{"x": 1}')
        resync.sweep()
        row.refresh_from_db()
        job = job_of(row)
        assert (job.next_tick_at, job.parameters["kwargs"], row.enabled) == (None, {"x": 1}, False)

    def test_crontab_row_of_one_run_is_over_for_good(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row(one_off=True, crontab=crontab("* * * * *"))
        resync.sweep()
        let_run(row, database_now().replace(second=0, microsecond=0))
        assert job_of(row).next_tick_at is None


class TestBeatRow:
    def test_remembers_our_own_note_and_not_what_the_row_says(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row()
        resync.sweep()
        later = database_now() + timedelta(minutes=1)
        PeriodicTask.objects.filter(pk=row.pk).update(last_run_at=later)
        due_at = database_now()
        let_run(row, due_at)
        note_runs(Origin.ADOPTED)
        row.refresh_from_db()
        assert row.last_run_at == later
        assert BeatRow.objects.get(job=job_of(row)).last_run_at == due_at
