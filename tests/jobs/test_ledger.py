"""The ledger on PostgreSQL: what one turn over all jobs records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from jobs import ledger, registry
from jobs.definition import InvalidJob
from jobs.models import Execution, ExecutionEvent, Job, Tick
from scheduler_project.lib import transactions
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


def decide_due(**shift: float) -> ledger.Decided:
    with transactions.engine():
        return ledger.decide_due(now=database_now() + timedelta(**shift), epoch=7)


class TestDecideDue:
    def test_records_nothing_while_nothing_is_due(self, make_job: MakeJob) -> None:
        make_job()
        assert decide_due(minutes=-5) == ledger.Decided()

    def test_records_a_tick_its_execution_and_its_event(self, make_job: MakeJob) -> None:
        job = make_job()
        due_at = job.next_tick_at
        decided = decide_due(minutes=1)
        tick = Tick.objects.get(job=job)
        assert (decided.ticks, decided.fired, decided.is_complete) == (1, 1, True)
        assert (tick.due_at, tick.outcome, tick.epoch, tick.revision) == (due_at, "fired", 7, 1)
        execution = Execution.objects.get(pk=tick.execution_id)
        assert (execution.job, execution.scheduled_for, execution.trigger) == (job, due_at, "schedule")
        assert (execution.status, execution.max_instances, execution.max_attempts) == ("queued", 1, 4)
        assert execution.parameters == job.parameters
        assert ExecutionEvent.objects.get(execution=execution).kind == "queued"

    def test_goes_on_at_the_occurrence_after_the_last_decided(self, make_job: MakeJob) -> None:
        job = make_job()
        due_at = job.next_tick_at
        decide_due(minutes=1)
        job.refresh_from_db()
        assert job.next_tick_at == due_at + timedelta(minutes=1)
        assert job.fired_count == 1

    def test_decides_a_tick_once(self, make_job: MakeJob) -> None:
        job = make_job()
        first = job.next_tick_at
        decide_due(minutes=1)
        Job.objects.filter(pk=job.pk).update(next_tick_at=first)
        decided = decide_due(minutes=1)
        assert decided.fired == 0
        assert Tick.objects.filter(job=job).count() == 1
        assert Execution.objects.filter(job=job).count() == 1

    def test_coalesces_what_was_due_while_nobody_decided(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 60})
        decide_due(minutes=10, seconds=30)
        outcomes = list(Tick.objects.filter(job=job).order_by("due_at").values_list("outcome", flat=True))
        assert outcomes == ["coalesced"] * 9 + ["fired"]
        newest = Tick.objects.filter(job=job).latest("due_at")
        assert set(Tick.objects.filter(outcome="coalesced").values_list("blocking_id", flat=True)) == {
            newest.execution_id
        }

    def test_skips_while_the_run_before_has_not_ended(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 10})
        decide_due(seconds=11)
        decide_due(seconds=21)
        first, second = Tick.objects.filter(job=job).order_by("due_at")
        assert (second.outcome, second.reason, second.blocking_id) == ("skipped", "overlap", first.execution_id)

    def test_replaces_the_run_before(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 10}, policies={"overlap": "replace"})
        decide_due(seconds=11)
        decide_due(seconds=21)
        old, new = Execution.objects.filter(job=job).order_by("id")
        assert (old.status, old.reason, new.status) == ("cancelled", "replaced", "queued")

    def test_ends_with_the_last_allowed_run(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 10}, policies={"max_runs": 2, "overlap": "allow"})
        decide_due(seconds=45)
        job.refresh_from_db()
        assert Tick.objects.filter(job=job).count() == 2
        assert job.next_tick_at is None

    def test_quarantines_a_job_whose_schedule_does_not_load_and_goes_on(self, make_job: MakeJob) -> None:
        broken, sound = make_job(), make_job()
        Job.objects.filter(pk=broken.pk).update(spec={"kind": "cron", "cron": "what", "timezone": "UTC"})
        decide_due(minutes=1)
        broken.refresh_from_db()
        assert broken.next_tick_at is None
        assert "cannot be evaluated" in broken.problem
        assert Tick.objects.filter(job=sound).count() == 1

    def test_misses_what_a_quarantine_left_undecided(self, make_job: MakeJob) -> None:
        job = make_job()
        first, sound = job.next_tick_at, job.spec
        Job.objects.filter(pk=job.pk).update(spec={"kind": "cron", "cron": "what", "timezone": "UTC"})
        decide_due(minutes=1)
        with pytest.raises(InvalidJob, match="Write another"):
            registry.pause(job.pk, actor="user:test")
        Job.objects.filter(pk=job.pk).update(spec=sound, undecided_since=first - timedelta(minutes=3))
        registry.change(job.pk, {"schedule": {"kind": "manual"}}, actor="user:test")
        decided = Tick.objects.filter(job=job).values_list("outcome", "reason")
        assert set(decided) == {("missed", "schedule_error")}
        assert Tick.objects.filter(job=job).count() >= 2
        job.refresh_from_db()
        assert (job.problem, job.undecided_since) == ("", None)

    def test_stays_within_its_bounds(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ledger, "MAX_TICKS", 7)
        job = make_job(schedule={"kind": "interval", "every_seconds": 10})
        assert not decide_due(seconds=145).is_complete
        assert Tick.objects.filter(job=job).count() == 7
        assert decide_due(seconds=145).is_complete
        assert Tick.objects.filter(job=job).count() == 14


class TestFairness:
    def test_a_job_that_is_far_behind_stops_no_other(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ledger, "MAX_TICKS", 50)
        long_ago = (database_now() - timedelta(days=1)).replace(microsecond=0)
        far_behind = make_job(schedule={"kind": "interval", "every_seconds": 60, "anchor": long_ago.isoformat()})
        Job.objects.filter(pk=far_behind.pk).update(next_tick_at=long_ago)
        others = [make_job() for _ in range(3)]
        decided = decide_due(minutes=1)
        assert all(Tick.objects.filter(job=job).exists() for job in others)
        assert (decided.ticks, decided.is_complete) == (50, False)

    def test_a_turn_too_small_for_all_takes_the_newest_and_the_oldest(
        self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ledger, "MAX_JOBS", 2)
        jobs = [make_job() for _ in range(4)]
        for hours, job in enumerate(jobs, 1):
            since = job.next_tick_at - timedelta(hours=hours)  # type: ignore[operator]
            Job.objects.filter(pk=job.pk).update(next_tick_at=since)
        decided = decide_due()
        assert [Tick.objects.filter(job=job).exists() for job in jobs] == [True, False, False, True]
        assert not decided.is_complete

    def test_a_dry_run_stands_in_no_tick_s_way(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.run_now(job, actor="user:test", dry_run=True)
        decide_due(minutes=1)
        assert Tick.objects.get(job=job).outcome == "fired"


class TestTicksDecidedBefore:
    def test_neither_count_nor_replace_anything(self, make_job: MakeJob) -> None:
        """As after the database's clock was set back and the job was edited."""
        job = make_job(policies={"overlap": "replace"})
        before = database_now() - timedelta(minutes=2)
        Job.objects.filter(pk=job.pk).update(next_tick_at=before)
        decide_due(minutes=-1)
        running = Execution.objects.get(job=job)
        Job.objects.filter(pk=job.pk).update(next_tick_at=before)
        assert decide_due(minutes=-1).fired == 0
        running.refresh_from_db()
        job.refresh_from_db()
        assert (running.status, running.cancel_requested_at, job.fired_count) == ("queued", None, 1)
