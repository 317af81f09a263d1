"""The attendant, turn by turn, with a real process as the child that owns a run."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from jobs import executions, registry
from jobs.execution import shared
from jobs.execution.attendant import Attendant
from jobs.execution.children import Children
from jobs.execution.vitals import Post
from jobs.models import Attempt, Execution, ExecutionLease, Job, Worker
from scheduler_project.lib import release, sql
from tests.live import wait_for

MakeJob = Callable[..., Job]
LEASE = timedelta(seconds=60)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def attendant(child: subprocess.Popen[bytes]) -> Iterator[Attendant]:
    post = Post("w1@test:abc", find_queues=lambda: ["default"], find_concurrency=lambda: 2)
    yield Attendant(post, Children(lambda: [child.pid]), heartbeat=timedelta(seconds=60))
    shared.forget()


@pytest.fixture
def run(make_job: MakeJob, child: subprocess.Popen[bytes]) -> int:
    """A run that the child owns."""
    return claim_for(child, make_job())


def claim_for(child: subprocess.Popen[bytes], job: Job, *, worker: str = "w1@test:abc") -> int:
    execution_id = registry.run_now(job, actor="user:test")
    assert executions.claim(execution_id, worker=worker, lease=LEASE) is not None
    ExecutionLease.objects.filter(pk=execution_id).update(pid=child.pid)
    return execution_id


def kill(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    wait_for(lambda: not Children.is_alive(child.pid), seconds=5)


def outcome(execution_id: int) -> str:
    return Attempt.objects.get(execution_id=execution_id).outcome


class TestLook:
    def test_registers_the_worker(self, db: None, attendant: Attendant) -> None:
        attendant.look()
        row = Worker.objects.get()
        assert (row.name, row.queues, row.concurrency, row.stopped_at) == ("w1@test:abc", ["default"], 2, None)

    def test_forgets_workers_that_ended_long_ago(self, db: None, attendant: Attendant) -> None:
        attendant.look()
        sql.rows("UPDATE workers SET name = 'old', heartbeat_at = heartbeat_at - interval '25 hours'")
        Attendant(attendant._post, Children(list), heartbeat=LEASE).look()
        assert [worker.name for worker in Worker.objects.all()] == ["w1@test:abc"]

    def test_leaves_a_living_child_s_run_alone(self, attendant: Attendant, run: int) -> None:
        attendant.look()
        assert outcome(run) == ""

    def test_settles_a_dead_child_s_run_as_lost(
        self, attendant: Attendant, run: int, child: subprocess.Popen[bytes]
    ) -> None:
        attendant.look()
        kill(child)
        attendant.look()
        attempt = Attempt.objects.get(execution_id=run)
        assert (attempt.outcome, attempt.error_class) == ("lost", "WorkerLost")
        assert attempt.error == f"Process {child.pid} of the worker w1@test:abc died."
        assert Execution.objects.get(pk=run).status == "queued"

    def test_settles_as_timed_out_past_the_hard_limit(
        self, attendant: Attendant, make_job: MakeJob, child: subprocess.Popen[bytes]
    ) -> None:
        run = claim_for(child, make_job(policies={"timeout_seconds": 5}))
        sql.rows("UPDATE execution_leases SET acquired_at = acquired_at - interval '6 seconds'")
        kill(child)
        attendant.look()
        assert outcome(run) == "timed_out"

    def test_settles_as_cancelled_when_someone_had_asked(
        self, attendant: Attendant, run: int, child: subprocess.Popen[bytes]
    ) -> None:
        executions.cancel(run, by="user:test", now=sql.now())
        kill(child)
        attendant.look()
        assert Execution.objects.get(pk=run).status == "cancelled"

    def test_leaves_another_worker_s_run_alone(
        self, attendant: Attendant, make_job: MakeJob, child: subprocess.Popen[bytes]
    ) -> None:
        run = claim_for(child, make_job(), worker="w1@test:xyz")
        kill(child)
        attendant.look()
        assert outcome(run) == ""

    def test_announces_the_run_again(self, attendant: Attendant, run: int, child: subprocess.Popen[bytes]) -> None:
        kill(child)
        attendant.look()
        wait_for(lambda: Execution.objects.get(pk=run).published_at is not None, seconds=5)

    def test_says_how_the_worker_is(self, db: None, attendant: Attendant, child: subprocess.Popen[bytes]) -> None:
        attendant.look()  # the children are known from here on
        attendant._beat_at = 1.0
        attendant.look()
        row = Worker.objects.get()
        assert (row.health, row.trouble, row.release) == ("healthy", "", release.NAME)
        assert [entry["pid"] for entry in row.memory or []] == [os.getpid(), child.pid]
        assert all(0 < entry["pss"] <= entry["rss"] for entry in row.memory or [])

    def test_says_when_a_message_last_came(self, db: None, child: subprocess.Popen[bytes]) -> None:
        post = Post("w1@test:abc", lambda: ["default"], lambda: 2, count_received=lambda: 7)
        Attendant(post, Children(list), heartbeat=LEASE).look()
        heard_at = Worker.objects.get().heard_at
        assert heard_at is not None
        assert abs((sql.now() - heard_at).total_seconds()) < 2

    def test_counts_children_that_die_with_their_runs(self, make_job: MakeJob, child: subprocess.Popen[bytes]) -> None:
        post = Post("w1@test:abc", lambda: ["default"], lambda: 2)
        attendant = Attendant(post, Children(lambda: [child.pid], lambda pid: -9), heartbeat=LEASE)
        run = claim_for(child, make_job())
        attendant.look()
        kill(child)
        attendant.look()
        assert outcome(run) == "lost"
        assert attendant._vitals._deaths.count() == 1

    def test_settles_at_once_what_a_child_left_that_nobody_saw(
        self, make_job: MakeJob, child: subprocess.Popen[bytes]
    ) -> None:
        found: list[int] = []
        post = Post("w1@test:abc", lambda: ["default"], lambda: 2)
        attendant = Attendant(post, Children(lambda: found), heartbeat=LEASE)
        attendant.look()
        run = claim_for(child, make_job())
        kill(child)
        attendant.look()
        assert outcome(run) == ""
        with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as replacement:
            found.append(replacement.pid)
            attendant.look()
            replacement.kill()
        assert outcome(run) == "lost"
        assert attendant._vitals._deaths.count() == 1


class TestDrain:
    def test_is_told_at_once(self, db: None, attendant: Attendant) -> None:
        attendant.look()
        attendant.drain(patience=LEASE)
        attendant.look()
        row = Worker.objects.get()
        assert row.draining_since is not None
        assert row.drains_until is not None
        assert shared.is_draining()

    def test_hands_back_what_dies_meanwhile(
        self, attendant: Attendant, run: int, child: subprocess.Popen[bytes]
    ) -> None:
        attendant.drain(patience=LEASE)
        kill(child)
        attendant.look()
        execution = Execution.objects.get(pk=run)
        assert (outcome(run), execution.status, execution.handed_back_count) == ("handed_back", "queued", 1)

    def test_ends_children_when_patience_is_over(
        self, attendant: Attendant, run: int, child: subprocess.Popen[bytes]
    ) -> None:
        attendant.drain(patience=timedelta())
        attendant.look()
        wait_for(lambda: not Children.is_alive(child.pid), seconds=5)
        attendant.look()
        assert outcome(run) == "handed_back"

    def test_is_over_when_nothing_runs(self, db: None, attendant: Attendant) -> None:
        attendant.drain(patience=LEASE)
        attendant.look()
        assert time_of(attendant.wait_until_drained) < 0.5

    def test_waits_no_longer_than_its_patience(self, attendant: Attendant, run: int) -> None:
        attendant.look()
        attendant.drain(patience=timedelta(seconds=0.3))
        assert 0.2 < time_of(attendant.wait_until_drained) < 2


class TestEnd:
    def test_marks_the_worker_as_stopped(self, db: None, attendant: Attendant) -> None:
        attendant.start()
        wait_for(Worker.objects.exists, seconds=5)
        attendant.end()
        assert Worker.objects.get().stopped_at is not None


def time_of(verb: Callable[[], object]) -> float:
    started = time.monotonic()
    verb()
    return time.monotonic() - started
