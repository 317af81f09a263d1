"""Runs whose worker is gone, and those whose worker only seems to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from jobs import executions, registry
from jobs.models import Attempt, Execution, Job
from jobs.recovery.reaper import Reaper
from scheduler_project.lib import sql

MakeJob = Callable[..., Job]
LEASE = timedelta(seconds=60)
EVERY = timedelta(seconds=5)

pytestmark = pytest.mark.django_db


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reaper(clock: Clock) -> Reaper:
    return Reaper(lease=LEASE, interval=EVERY, clock=clock)


@pytest.fixture
def running(make_job: MakeJob) -> executions.Claim:
    claim = executions.claim(registry.run_now(make_job(), actor="user:test"), worker="w1", lease=LEASE)
    assert claim is not None
    return claim


def expire(claim: executions.Claim) -> None:
    sql.rows(
        """
        UPDATE execution_leases
        SET acquired_at = acquired_at - interval '70 s', expires_at = expires_at - interval '70 s'
        WHERE execution_id = %(id)s
        """,
        {"id": claim.execution_id},
    )


def watch(reaper: Reaper, clock: Clock, *, seconds: float) -> list[int]:
    found = reaper.sweep()
    for _ in range(int(seconds / EVERY.total_seconds())):
        clock.now += EVERY.total_seconds()
        found += reaper.sweep()
    return found


class TestSweep:
    def test_takes_back_a_run_that_stood_still_for_a_whole_lease(
        self, reaper: Reaper, clock: Clock, running: executions.Claim
    ) -> None:
        expire(running)
        assert watch(reaper, clock, seconds=55) == []
        assert watch(reaper, clock, seconds=10) == [running.execution_id]
        execution = Execution.objects.get(pk=running.execution_id)
        assert (execution.status, execution.reason, execution.lost_count) == ("queued", "retry_after_lost", 1)
        attempt = Attempt.objects.get(execution=execution)
        assert (attempt.outcome, "w1" in attempt.error) == ("lost", True)

    def test_leaves_a_run_that_renews(self, reaper: Reaper, clock: Clock, running: executions.Claim) -> None:
        expire(running)
        watch(reaper, clock, seconds=50)
        sql.rows("UPDATE execution_leases SET heartbeat = heartbeat + 1")
        assert watch(reaper, clock, seconds=50) == []

    def test_does_not_believe_a_jump_of_the_databases_clock(
        self, reaper: Reaper, clock: Clock, running: executions.Claim
    ) -> None:
        watch(reaper, clock, seconds=10)
        expire(running)
        assert watch(reaper, clock, seconds=10) == []

    def test_takes_back_a_run_whose_lease_is_from_before_the_clock_was_set_back(
        self, reaper: Reaper, clock: Clock, running: executions.Claim
    ) -> None:
        sql.rows("UPDATE execution_leases SET expires_at = clock_timestamp() + interval '1 hour'")
        assert watch(reaper, clock, seconds=65) == [running.execution_id]

    def test_goes_on_past_a_policy_of_a_newer_release(
        self, reaper: Reaper, clock: Clock, running: executions.Claim
    ) -> None:
        Execution.objects.update(policy={"overlap": "from_the_future"})
        expire(running)
        assert watch(reaper, clock, seconds=65) == [running.execution_id]

    def test_starts_anew_after_it_stood_still_itself(
        self, reaper: Reaper, clock: Clock, running: executions.Claim
    ) -> None:
        expire(running)
        watch(reaper, clock, seconds=50)
        clock.now += 300
        assert watch(reaper, clock, seconds=30) == []

    def test_leaves_a_lease_that_has_not_run_out(self, reaper: Reaper, clock: Clock, running: executions.Claim) -> None:
        assert watch(reaper, clock, seconds=120) == []

    def test_says_timed_out_when_the_limit_had_passed(self, reaper: Reaper, clock: Clock, make_job: MakeJob) -> None:
        job = make_job(policies={"timeout_seconds": 20, "max_retries": 0})
        claim = executions.claim(registry.run_now(job, actor="user:test"), worker="w1", lease=LEASE)
        assert claim is not None
        expire(claim)
        watch(reaper, clock, seconds=65)
        assert Execution.objects.get(pk=claim.execution_id).status == "timed_out"

    def test_cancels_what_someone_asked_to_cancel(
        self, reaper: Reaper, clock: Clock, running: executions.Claim
    ) -> None:
        row = sql.row("SELECT clock_timestamp() AS now")
        assert row is not None
        executions.cancel(running.execution_id, by="user:ana", now=row["now"])
        expire(running)
        watch(reaper, clock, seconds=65)
        assert Execution.objects.get(pk=running.execution_id).status == "cancelled"

    def test_gives_up_a_run_that_was_lost_three_times(
        self, reaper: Reaper, clock: Clock, running: executions.Claim
    ) -> None:
        for _ in range(3):
            expire(running)
            watch(reaper, clock, seconds=65)
            executions.claim(running.execution_id, worker="w1", lease=LEASE)
        execution = Execution.objects.get(pk=running.execution_id)
        assert (execution.status, execution.reason) == ("dead", "lost_too_often")
