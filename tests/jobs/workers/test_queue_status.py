"""What is told of queues."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from jobs import registry, workers
from jobs.execution import registration
from jobs.models import Job
from jobs.tick import canaries
from jobs.tick.canaries import Canaries
from jobs.workers import QueueStatus
from scheduler_project.lib import sql

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


def queue(name: str = "default") -> QueueStatus:
    return next(found for found in workers.list_queues() if found.queue == name)


class TestListQueues:
    def test_counts_what_waits_by_priority(self, make_job: MakeJob) -> None:
        job = make_job(name="High", priority="high")
        for _ in range(2):
            registry.run_now(job, actor="user:test")
        registry.run_now(make_job(name="Normal"), actor="user:test")
        sql.rows("UPDATE job_executions SET available_at = available_at - interval '90 seconds'")
        found = queue()
        assert found.waiting == {"critical": 0, "high": 2, "normal": 1, "low": 0}
        assert found.oldest_seconds == pytest.approx(90, abs=2)
        assert found.waiting_total == 3

    def test_leaves_out_what_may_not_start_yet(self, make_job: MakeJob) -> None:
        registry.run_now(make_job(), actor="user:test")
        sql.rows("UPDATE job_executions SET available_at = available_at + interval '1 hour'")
        assert (queue().waiting_total, queue().oldest_seconds) == (0, None)

    def test_counts_only_these_tenants(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.run_now(job, actor="user:test")
        assert workers.list_queues(tenant_ids=[job.tenant_id])[0].waiting_total == 1
        assert workers.list_queues(tenant_ids=[job.tenant_id + 1]) == []

    def test_tells_how_many_ended_where_that_is_asked_for(self, make_job: MakeJob) -> None:
        job = make_job()
        for _ in range(10):
            registry.run_now(job, actor="user:test")
        sql.rows("UPDATE job_executions SET status = 'succeeded', started_at = created_at, finished_at = created_at")
        assert queue().ended_per_minute is None
        assert workers.list_queues(with_rates=True)[0].ended_per_minute == 2
        others = workers.list_queues(tenant_ids=[job.tenant_id + 1], with_rates=True)
        assert sum(found.ended_per_minute or 0 for found in others) == 0

    def test_says_who_serves_it(self) -> None:
        registration.beat("w1@test:abc", queues=["default", "reports"], concurrency=2)
        registration.beat("w2@test:abc", queues=["reports"], concurrency=3)
        assert (queue("reports").workers, queue("reports").processes) == (2, 5)


class TestCanary:
    def test_tells_its_answer(self) -> None:
        registration.beat("w1@test:abc", queues=["default"], concurrency=2)
        assert queue().canary == "none"
        Canaries(lambda name: None).sweep()
        assert (queue().canary, queue().answer_seconds) == ("asked", None)
        canaries.answer("default", by="w1@test:abc")
        assert queue().canary == "answered"
        assert queue().answer_seconds == pytest.approx(0, abs=1)

    def test_tells_that_nobody_hears(self) -> None:
        registration.beat("w1@test:abc", queues=["default"], concurrency=2)
        Canaries(lambda name: None).sweep()
        ago = {"ago": timedelta(seconds=31)}
        sql.rows("UPDATE queue_canaries SET asked_at = asked_at - %(ago)s", ago)
        Canaries(lambda name: None).sweep()
        assert queue().canary == "deaf"
