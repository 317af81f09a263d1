"""What is told of workers: their state, their runs, and when they could be restarted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from jobs import executions, registry, workers
from jobs.execution import registration
from jobs.execution.registration import Report
from jobs.forecast import durations
from jobs.models import Job, Worker
from jobs.workers import WorkerStatus
from scheduler_project.lib import sql

MakeJob = Callable[..., Job]

NAME = "w1@test:abc"
LEASE = timedelta(seconds=60)

pytestmark = pytest.mark.django_db


def beat(report: Report | None = None) -> None:
    registration.beat(NAME, queues=["default"], concurrency=2, report=report)


def status(**options: object) -> WorkerStatus:
    return workers.statuses([Worker.objects.get()], now=sql.now(), **options)[0]  # type: ignore[arg-type]


def claim(job: Job, *, began: float = 0) -> int:
    """A run of the worker, that many seconds ago."""
    execution_id = registry.run_now(job, actor="user:test")
    assert executions.claim(execution_id, worker=NAME, lease=LEASE) is not None
    ago = {"id": execution_id, "ago": timedelta(seconds=began)}
    sql.rows("UPDATE execution_leases SET acquired_at = acquired_at - %(ago)s WHERE execution_id = %(id)s", ago)
    return execution_id


def remember(job: Job, *, seconds: float) -> None:
    """Some successes that took so long."""
    for _ in range(durations.LEAST):
        execution_id = claim(job)
        sql.rows("DELETE FROM execution_leases WHERE execution_id = %(id)s", {"id": execution_id})
        sql.rows(
            "UPDATE job_executions SET status = 'succeeded', started_at = clock_timestamp() - %(took)s,"
            " finished_at = clock_timestamp() WHERE id = %(id)s",
            {"id": execution_id, "took": timedelta(seconds=seconds)},
        )


class TestState:
    @pytest.mark.parametrize("health", ["healthy", "degraded", "unhealthy"])
    def test_is_what_the_worker_said(self, health: str) -> None:
        beat(Report(health=health, trouble="Words."))
        assert (status().state, status().trouble) == (health, "Words.")

    def test_is_lost_after_three_heartbeats(self) -> None:
        beat()
        sql.rows("UPDATE workers SET heartbeat_at = heartbeat_at - interval '2 seconds'")
        assert status().state == "healthy"
        sql.rows("UPDATE workers SET heartbeat_at = heartbeat_at - interval '2 seconds'")
        found = status()
        assert (found.state, found.safe_to_restart_at) == ("lost", None)
        assert found.trouble == "Nothing has been heard of it for 4.0 s; its runs are tried again elsewhere."

    def test_is_stopped_when_it_said_so(self) -> None:
        beat()
        registration.stop(NAME)
        assert status().state == "stopped"

    def test_is_draining_until_it_stops(self) -> None:
        beat(Report(draining_for=1.0, drains_for=60.0))
        since = Worker.objects.get().draining_since
        beat(Report(draining_for=2.0, drains_for=59.0))
        assert Worker.objects.get().draining_since == since
        assert status().state == "draining"


class TestSafeToRestartAt:
    def seconds(self) -> float:
        at = status().safe_to_restart_at
        assert at is not None
        return (at - sql.now()).total_seconds()

    def test_is_now_without_runs(self) -> None:
        beat()
        assert self.seconds() == pytest.approx(0, abs=0.5)

    def test_is_when_the_run_usually_ends(self, make_job: MakeJob) -> None:
        beat()
        job = make_job(policies={"timeout_seconds": 600})
        remember(job, seconds=120)
        claim(job, began=30)
        assert self.seconds() == pytest.approx(90, abs=2)

    def test_is_the_limit_of_a_run_that_takes_longer_than_usual(self, make_job: MakeJob) -> None:
        beat()
        job = make_job(policies={"timeout_seconds": 600})
        remember(job, seconds=120)
        claim(job, began=130)
        assert self.seconds() == pytest.approx(470, abs=2)
        assert status().runs[0].expected_end_at is None

    def test_is_the_limit_of_a_run_that_nobody_knows(self, make_job: MakeJob) -> None:
        beat()
        claim(make_job(policies={"timeout_seconds": 600}))
        assert self.seconds() == pytest.approx(600, abs=2)

    def test_is_no_later_than_the_end_of_the_drain(self, make_job: MakeJob) -> None:
        claim(make_job(policies={"timeout_seconds": 600}))
        beat(Report(draining_for=1.0, drains_for=59.0))
        assert self.seconds() == pytest.approx(59, abs=2)


class TestRuns:
    def test_of_other_tenants_are_counted_and_not_shown(self, make_job: MakeJob) -> None:
        beat()
        job = make_job()
        execution_id = claim(job)
        assert [run.execution_id for run in status(tenant_ids=[job.tenant_id]).runs] == [execution_id]
        foreign = status(tenant_ids=[job.tenant_id + 1])
        assert (foreign.running, list(foreign.runs)) == (1, [])
