"""The sweep that queues the runs of backfills: its pace, its end, two of them at once, regular runs beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connections

from jobs import backfill, executions, ledger, registry
from jobs.execution import executor
from jobs.models import Backfill, BackfillRun, Execution, ExecutionEvent, Job, Tick
from jobs.recovery import backfills
from jobs.tick import publisher
from scheduler_project.lib import sql, transactions
from tests.jobs.backfills import HOURLY, hours_ago
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]
Start = Callable[..., Backfill]

pytestmark = pytest.mark.django_db


@pytest.fixture
def start() -> Start:
    def start(job: Job, *, count: int, **options: object) -> Backfill:
        return backfill.start(job, since=hours_ago(count), until=hours_ago(1), actor="user:olaf", **options)  # type: ignore[arg-type]

    return start


def run_all() -> None:
    """Execute what is queued, in this process."""
    for execution_id in Execution.objects.filter(status="queued").order_by("id").values_list("pk", flat=True):
        executor.execute(execution_id, worker="w1")


class TestSweep:
    def test_queues_a_run_for_the_oldest_instant(self, make_job: MakeJob, start: Start) -> None:
        job = make_job(
            schedule=HOURLY, parameters={"text": "again"}, priority="low", policies={"start_deadline_seconds": 60}
        )
        start(job, count=3, request_id="r1")
        assert backfills.sweep() == 1
        execution = Execution.objects.get()
        assert (execution.job, execution.trigger, execution.scheduled_for) == (job, "backfill", hours_ago(3))
        assert (execution.requested_by, execution.request_id, execution.revision) == ("user:olaf", "r1", 1)
        assert (execution.parameters, execution.policy, execution.priority) == (job.parameters, job.policy, 9)
        assert (execution.status, execution.max_instances, execution.start_deadline_at) == ("queued", 1, None)
        assert ExecutionEvent.objects.get(execution=execution).kind == "queued"
        assert BackfillRun.objects.get(due_at=hours_ago(3)).execution_id == execution.pk

    @pytest.mark.parametrize("at_once", [1, 2, 4])
    def test_keeps_the_pace(self, make_job: MakeJob, start: Start, at_once: int) -> None:
        start(make_job(schedule=HOURLY), count=6, at_once=at_once)
        assert backfills.sweep() == at_once
        assert backfills.sweep() == 0
        first = Execution.objects.earliest("id")
        executions.cancel(first.pk, by="user:test", now=database_now())
        assert backfills.sweep() == 1
        assert backfills.sweep() == 0

    def test_takes_parameters_and_policies_as_they_are_by_then(self, make_job: MakeJob, start: Start) -> None:
        job = make_job(schedule=HOURLY)
        start(job, count=2)
        registry.change(job.pk, {"parameters": {"text": "new"}, "policies": {"max_retries": 0}}, actor="user:test")
        backfills.sweep()
        execution = Execution.objects.get()
        assert (execution.parameters, execution.revision, execution.max_attempts) == ({"text": "new"}, 2, 1)

    def test_a_dry_run_waits_for_no_slot(self, make_job: MakeJob, start: Start) -> None:
        start(make_job(schedule=HOURLY), count=1, dry_run=True)
        backfills.sweep()
        execution = Execution.objects.get()
        assert (execution.dry_run, execution.max_instances, execution.max_attempts) == (True, None, 1)

    def test_an_archived_job_cancels_it(self, make_job: MakeJob, start: Start) -> None:
        job = make_job(schedule=HOURLY)
        started = start(job, count=3)
        backfills.sweep()
        registry.archive(job.pk, actor="user:test")
        assert backfills.sweep() == 0
        started.refresh_from_db()
        assert (started.status, started.finished_at is None) == ("cancelled", False)
        assert (Execution.objects.get().status, Execution.objects.get().reason) == ("cancelled", "archived")

    def test_a_paused_and_a_disabled_job_go_on(self, make_job: MakeJob, start: Start) -> None:
        job = make_job(schedule=HOURLY)
        start(job, count=3, at_once=2)
        registry.pause(job.pk, actor="user:test")
        registry.disable(job.pk, actor="user:test")
        assert backfills.sweep() == 2

    def test_lets_each_backfill_have_its_own_pace(self, make_job: MakeJob, start: Start) -> None:
        for at_once in (1, 3):
            start(make_job(schedule=HOURLY), count=5, at_once=at_once)
        assert backfills.sweep() == 4


class TestRegularRunsBesideIt:
    def test_a_tick_fires_while_a_backfill_runs(self, make_job: MakeJob, start: Start) -> None:
        """Even by the strictest policy, for the planner does not look at backfills."""
        job = make_job(schedule=HOURLY, policies={"overlap": "skip"})
        assert job.next_tick_at is not None
        start(job, count=3)
        backfills.sweep()
        assert executions.claim(Execution.objects.get().pk, worker="w1", lease=timedelta(seconds=60))
        with transactions.engine():
            ledger.decide_due(now=job.next_tick_at + timedelta(seconds=1), epoch=7)
        assert Tick.objects.get(job=job).outcome == "fired"

    def test_never_overlaps_a_regular_run(self, make_job: MakeJob, start: Start) -> None:
        job = make_job(schedule=HOURLY)
        regular = registry.run_now(job, actor="user:test")
        assert executions.claim(regular, worker="w1", lease=timedelta(seconds=60))
        start(job, count=3, at_once=3)
        assert backfills.sweep() == 3
        for execution_id in Execution.objects.filter(trigger="backfill").values_list("pk", flat=True):
            assert executions.claim(execution_id, worker="w2", lease=timedelta(seconds=60)) is None

    def test_is_not_cancelled_by_a_tick_that_replaces(self, make_job: MakeJob, start: Start) -> None:
        job = make_job(schedule=HOURLY, policies={"overlap": "replace"})
        start(job, count=3)
        backfills.sweep()
        with transactions.engine():
            ledger.decide_due(now=database_now() + timedelta(hours=1), epoch=7)
        assert Execution.objects.get(trigger="backfill").status == "queued"

    def test_the_publisher_announces_it(self, make_job: MakeJob, start: Start) -> None:
        start(make_job(schedule=HOURLY), count=3)
        backfills.sweep()
        publisher.publish_waiting()
        assert Execution.objects.get().published_at is not None


@pytest.mark.django_db(transaction=True)
class TestToItsEnd:
    def test_runs_each_instant_once_and_is_done(self, make_job: MakeJob, start: Start) -> None:
        started = start(make_job(schedule=HOURLY), count=5, at_once=2)
        due = list(started.runs.values_list("due_at", flat=True))
        sweeps = 0
        while Backfill.objects.get().status == "running":
            backfills.sweep()
            run_all()
            sweeps += 1
            assert sweeps < 10
        ran = Execution.objects.order_by("scheduled_for").values_list("scheduled_for", "status")
        assert list(ran) == [(due_at, "succeeded") for due_at in due]
        assert backfill.progress(started) == backfill.Progress(
            total=5, left=0, queued=0, running=0, succeeded=5, failed=0, cancelled=0
        )
        assert not Tick.objects.exists()

    def test_goes_on_after_a_run_that_failed(self, make_job: MakeJob, start: Start) -> None:
        job = make_job(template="failing", schedule=HOURLY, policies={"max_retries": 0})
        started = start(job, count=2)
        for _ in range(3):
            backfills.sweep()
            run_all()
        started.refresh_from_db()
        assert started.status == "done"
        assert backfill.progress(started).failed == 2

    def test_waits_for_retries(self, make_job: MakeJob, start: Start) -> None:
        job = make_job(template="failing", schedule=HOURLY, policies={"max_retries": 3})
        started = start(job, count=2)
        backfills.sweep()
        run_all()
        assert backfills.sweep() == 0
        assert backfill.progress(started).queued == 1


@pytest.mark.django_db(transaction=True)
class TestTwoSweeps:
    def test_queue_each_instant_once(self, make_job: MakeJob, start: Start) -> None:
        started = [start(make_job(schedule=HOURLY), count=20, at_once=20) for _ in range(5)]
        together(*[backfills.sweep] * 6)
        backfills.sweep()
        assert Execution.objects.count() == 100
        queued = Execution.objects.values_list("job_id", "scheduled_for")
        assert len(set(queued)) == 100
        for one in started:
            assert backfill.progress(one).queued == 20

    def test_one_passes_by_what_the_other_holds(self, make_job: MakeJob, start: Start) -> None:
        start(make_job(schedule=HOURLY), count=3)
        with transactions.engine():
            sql.rows("SELECT FROM backfills FOR UPDATE")
            assert together(backfills.sweep) == [0]
        assert backfills.sweep() == 1

    def test_a_cancel_in_between_leaves_nothing_behind(self, make_job: MakeJob, start: Start) -> None:
        for _ in range(10):
            started = start(make_job(schedule=HOURLY), count=20, at_once=20)
            together(backfills.sweep, partial(backfill.cancel, started.pk, actor="user:test"))
            assert backfills.sweep() == 0
            counted = backfill.progress(started)
            assert (counted.queued, counted.cancelled + counted.left) == (0, 20)

    def test_two_starts_make_one_backfill(self, make_job: MakeJob, start: Start) -> None:
        job = make_job(schedule=HOURLY)

        def try_start() -> bool:
            try:
                start(job, count=5)
            except backfill.BackfillIsRunning:
                return False
            return True

        assert sorted(together(try_start, try_start, try_start)) == [False, False, True]


def together(*verbs: Callable[[], Any]) -> list[Any]:
    """Run them at the same time, each with its own connection."""
    barrier = threading.Barrier(len(verbs))

    def run(verb: Callable[[], Any]) -> Any:
        try:
            barrier.wait(10)
            return verb()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(verbs)) as pool:
        return [future.result(60) for future in [pool.submit(run, verb) for verb in verbs]]
