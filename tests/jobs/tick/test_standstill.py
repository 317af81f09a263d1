"""What stands in nobody's way: a run that cannot begin keeps no other waiting, and none waits for what is gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts.models import Tenant
from jobs import executions, pools, registry
from jobs.models import Job, Pool
from jobs.rules.states import Trigger
from jobs.tick.publisher import Publisher
from scheduler_project.lib import sql
from tests.jobs.tick.test_publisher import Recorder, claim_next, run

MakeJob = Callable[..., Job]
LEASE = timedelta(seconds=60)
FREE = {"overlap": "allow"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def leader() -> Publisher:
    return Publisher(Recorder())


@pytest.fixture
def pool(tenant: Tenant) -> Pool:
    return pools.create({"name": "Vendor API", "size": 1}, tenant=tenant, actor="user:ana")


def is_next(execution_id: int, *queues: str) -> bool:
    claimed = claim_next(*queues)
    return claimed is not None and claimed.execution_id == execution_id


class TestPool:
    def test_lets_in_who_can_begin_while_another_queue_has_no_worker(
        self, leader: Publisher, make_job: MakeJob, pool: Pool
    ) -> None:
        run(make_job(policies=FREE, pool=pool.slug, queue="nobody"))
        leader.turn()
        other = run(make_job(policies=FREE, pool=pool.slug))
        leader.turn()
        assert is_next(other)

    def test_lets_in_the_more_urgent_before_what_was_announced(
        self, leader: Publisher, make_job: MakeJob, pool: Pool
    ) -> None:
        run(make_job(policies=FREE, pool=pool.slug, priority="low"))
        leader.turn()
        urgent = run(make_job(policies=FREE, pool=pool.slug, priority="critical"))
        leader.turn()
        assert is_next(urgent)

    def test_keeps_nobody_waiting_when_it_is_gone(self, leader: Publisher, make_job: MakeJob, pool: Pool) -> None:
        job = make_job(policies=FREE, pool=pool.slug)
        first, second = run(job), run(job)
        leader.turn()
        registry.change(job.pk, {"pool": None}, actor="user:ana")
        pools.delete(pool.pk, actor="user:ana")
        leader.turn()
        assert is_next(first)
        assert is_next(second)

    def test_gives_up_its_announcements_when_it_shrinks(
        self, leader: Publisher, make_job: MakeJob, pool: Pool, settings: Settings
    ) -> None:
        settings.DAYBOOK_PUBLISH_WINDOW = 3
        pools.change(pool.pk, {"size": 100}, actor="user:ana")
        job, free = make_job(policies=FREE, pool=pool.slug), make_job(policies=FREE)
        queued = [run(job) for _ in range(5)]
        leader.turn()
        pools.change(pool.pk, {"size": 1}, actor="user:ana")
        other = run(free)
        leader.turn()
        assert is_next(queued[0])
        assert is_next(other)


class TestJob:
    def test_lets_in_the_more_urgent_before_what_was_announced(self, leader: Publisher, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "queue_all"})
        run(job)
        leader.turn()
        urgent = run(job)
        sql.rows("UPDATE job_executions SET priority = 0 WHERE id = %(id)s", {"id": urgent})
        leader.turn()
        assert is_next(urgent)

    def test_may_move_to_another_queue_when_its_own_has_no_worker(self, leader: Publisher, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "queue_all"}, queue="nobody")
        run(job)
        leader.turn()
        registry.change(job.pk, {"queue": "default"}, actor="user:ana")
        moved = run(Job.objects.get(pk=job.pk))
        leader.turn()
        assert is_next(moved)

    def test_lets_runs_without_the_pool_pass_those_that_wait_for_it(
        self, leader: Publisher, make_job: MakeJob, pool: Pool
    ) -> None:
        """More than a look of them, of one job that has left its pool."""
        holder = run(make_job(policies=FREE, pool=pool.slug))
        job = make_job(policies=FREE, pool=pool.slug)
        for _ in range(101):
            run(job)
        leader.turn()
        assert is_next(holder)
        registry.change(job.pk, {"pool": None, "policies": {"overlap": "queue_all"}}, actor="user:ana")
        free = run(Job.objects.get(pk=job.pk))
        leader.turn()
        assert is_next(free)

    def test_goes_on_when_its_waiting_run_is_cancelled(self, leader: Publisher, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "queue_all"})
        first, second = run(job), run(job)
        leader.turn()
        executions.cancel(first, by="user:ana", now=sql.now())
        leader.turn()
        assert is_next(second)

    def test_runs_dry_beside_a_full_pool(self, leader: Publisher, make_job: MakeJob, pool: Pool) -> None:
        job = make_job(policies={"overlap": "queue_all"}, pool=pool.slug)
        assert run(job) == run(job) - 1
        leader.turn()
        assert claim_next() is not None
        dry = executions.create(job=job, trigger=Trigger.MANUAL, requested_by="x", dry_run=True)
        leader.turn()
        assert is_next(dry)
