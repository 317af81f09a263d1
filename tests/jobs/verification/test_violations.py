"""Every kind of broken promise, planted and found."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import registry
from jobs.models import Execution, Job, Tick
from jobs.verification.reading import Kept
from scheduler_project.lib import sql
from tests.jobs.world import MINUTELY, MakeJob, World

pytestmark = pytest.mark.django_db

MISSED_OUTCOME = {"outcome": "missed", "reason": "misfire_none"}
MISSED = {**MISSED_OUTCOME, "execution_id": None}


@pytest.fixture
def job(world: World, make_job: MakeJob) -> Job:
    """Five ticks that all fired."""
    job = make_job(schedule=MINUTELY, policies={"overlap": "allow"})
    for _ in range(5):
        world.decides(minutes=1)
    return job


def third(job: Job) -> Tick:
    return Tick.objects.filter(job=job).order_by("due_at")[2]


def insert(tick: Tick, **changes: object) -> None:
    """A copy of the tick that differs in this."""
    values = {field: getattr(tick, field) for field in ("tenant_id", "job_id", "due_at", "outcome", "reason")}
    values |= {field: getattr(tick, field) for field in ("execution_id", "revision", "epoch", "decided_at")}
    Tick.objects.create(**values | changes)


class TestKinds:
    def test_due_and_not_recorded(self, world: World, job: Job) -> None:
        tick = third(job)
        Execution.objects.filter(pk=tick.execution_id).delete()
        tick.delete()
        report = world.verified()
        assert report.sums.kinds == {"unrecorded": 1}
        assert (report.shown[0].job_id, report.shown[0].due_at) == (job.pk, tick.due_at)
        assert (report.holds, report.sums.due, report.sums.recorded) == (False, 5, 4)

    def test_recorded_and_not_due(self, world: World, job: Job) -> None:
        insert(third(job), due_at=third(job).due_at + timedelta(seconds=20), **MISSED)
        assert world.kinds() == {"phantom": 1}

    def test_recorded_while_the_job_was_disabled(self, world: World, job: Job) -> None:
        registry.disable(job.pk, actor="user:test")
        world.goes_on(minutes=10)
        insert(third(job), due_at=world.now - timedelta(minutes=5), **MISSED)
        assert world.kinds() == {"phantom": 1}

    def test_decided_before_it_was_due(self, world: World, job: Job) -> None:
        insert(third(job), due_at=world.now + timedelta(minutes=5), decided_at=world.now, **MISSED)
        assert world.kinds() == {"phantom": 1}

    def test_two_ticks_for_one_occurrence(self, world: World, job: Job) -> None:
        sql.script("ALTER TABLE ticks DROP CONSTRAINT one_tick_per_job_and_instant")
        insert(third(job), **MISSED)
        assert world.kinds() == {"double": 1}

    def test_two_executions_for_one_tick(self, world: World, job: Job) -> None:
        copy = Execution.objects.get(pk=third(job).execution_id)
        copy.pk = None
        copy.save()
        assert world.kinds() == {"double": 1}

    def test_fired_without_an_execution(self, world: World, job: Job) -> None:
        Execution.objects.filter(pk=third(job).execution_id).delete()
        assert world.kinds() == {"fired_without_execution": 1}

    def test_an_execution_without_a_tick(self, world: World, job: Job) -> None:
        third(job).delete()
        assert world.kinds() == {"unrecorded": 1, "execution_without_tick": 1}

    def test_an_execution_beside_a_tick_that_did_not_fire(self, world: World, job: Job) -> None:
        Tick.objects.filter(pk=third(job).pk).update(execution_id=None, **MISSED_OUTCOME)
        assert world.kinds() == {"execution_without_tick": 1}

    def test_the_execution_of_another_instant(self, world: World, job: Job) -> None:
        Execution.objects.filter(pk=third(job).execution_id).update(scheduled_for=world.now)
        assert world.kinds() == {"wrong_execution": 1, "double": 1}

    def test_the_execution_of_somebody_s_click(self, world: World, job: Job) -> None:
        Execution.objects.filter(pk=third(job).execution_id).update(trigger="manual")
        assert world.kinds() == {"wrong_execution": 1}

    def test_what_the_reconciler_repaired(self, world: World, job: Job) -> None:
        Execution.objects.filter(pk=third(job).execution_id).delete()
        Tick.objects.filter(pk=third(job).pk).update(execution_id=None, outcome="missed", reason="unaccounted")
        assert world.kinds() == {"unaccounted": 1}

    def test_a_cursor_that_was_moved_on(self, world: World, job: Job) -> None:
        Job.objects.filter(pk=job.pk).update(next_tick_at=world.now + timedelta(hours=1))
        world.decides(minutes=3)
        assert world.kinds() == {"unrecorded": 3}

    def test_a_job_that_stopped_for_no_reason(self, world: World, job: Job) -> None:
        Job.objects.filter(pk=job.pk).update(next_tick_at=None)
        world.decides(minutes=3)
        assert world.kinds() == {"unrecorded": 3}


class TestLimitedRuns:
    def test_a_run_that_vanished_is_missed_once(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY, policies={"max_runs": 3, "overlap": "allow"})
        for _ in range(8):
            world.decides(minutes=1)
        tick = third(job)
        Execution.objects.filter(pk=tick.execution_id).delete()
        tick.delete()
        assert world.kinds() == {"unrecorded": 1}

    def test_a_run_too_many_is_seen(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY, policies={"max_runs": 3, "overlap": "allow"})
        for _ in range(8):
            world.decides(minutes=1)
        insert(third(job), due_at=world.now, **MISSED)
        assert world.kinds() == {"phantom": 1}


class TestRetention:
    def test_a_tick_may_outlive_its_execution(self, world: World, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
        tick = third(job)
        Execution.objects.filter(pk=tick.execution_id).delete()
        monkeypatch.setattr(
            "jobs.verification.reading.kept", lambda: Kept(world.now - timedelta(days=1), (tick.execution_id or 0) + 1)
        )
        assert world.kinds() == {}

    def test_an_execution_may_outlive_its_tick(self, world: World, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
        tick = third(job)
        Tick.objects.filter(job=job, due_at__lte=tick.due_at).delete()
        monkeypatch.setattr("jobs.verification.reading.kept", lambda: Kept(tick.due_at + timedelta(seconds=1), 0))
        assert (world.verified().holds, world.verified().sums.due) == (True, 2)
