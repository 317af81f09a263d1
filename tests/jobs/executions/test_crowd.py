"""Many processes at one backlog while people cancel, hurry and reorder it: nothing is left, runs twice or overruns."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import OperationalError, connections

from accounts.models import Tenant
from jobs import executions, pools, registry
from jobs.executions import AlreadyFinished, Ending, NotWaitingForRetry
from jobs.models import Attempt, DeadLetter, Execution, ExecutionLease, Job
from jobs.rules.states import AttemptOutcome
from jobs.tick import publisher
from scheduler_project.lib import sql
from tests.jobs.tick.test_publisher import Recorder

MakeJob = Callable[..., Job]
WORKERS = 6
PATIENCE = 60.0
OVERRUN = """
SELECT (SELECT count(*) FROM execution_leases WHERE pool_id = %(pool)s) AS in_pool,
       (SELECT coalesce(max(runs), 0) FROM (
           SELECT count(*) AS runs
           FROM execution_leases WHERE job_slot IS NOT NULL GROUP BY job_id) AS by_job) AS of_job
"""

pytestmark = pytest.mark.django_db(transaction=True)


class Crowd:
    """Threads that go on until there is nothing left; whatever one of them raises is kept."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.deadlocks = 0
        self.is_over = threading.Event()
        self.threads: list[threading.Thread] = []

    def join_in(self, turn: Callable[[], object]) -> None:
        def go_on() -> None:
            try:
                while not self.is_over.is_set():
                    try:
                        turn()
                    except OperationalError as error:
                        # The one of two that PostgreSQL ends comes again: loops do, and so do callers who get a 503.
                        if turn is run_next or "deadlock detected" not in str(error):
                            raise
                        self.deadlocks += 1
            except Exception as error:
                self.errors.append(error)
                self.is_over.set()
            finally:
                connections.close_all()

        self.threads.append(threading.Thread(target=go_on))
        self.threads[-1].start()

    def wait(self, is_done: Callable[[], bool]) -> None:
        ends_at = time.monotonic() + PATIENCE
        while not self.is_over.is_set() and not is_done():
            assert time.monotonic() < ends_at, "the backlog was not worked off"
            self.is_over.wait(0.2)
        self.is_over.set()
        for thread in self.threads:
            thread.join()


def run_next() -> None:
    claim = executions.claim_next(["default", "other"], worker="w", lease=timedelta(seconds=60))
    if claim is None:
        time.sleep(0.01)
        return
    time.sleep(random.random() / 100)
    outcome = random.choice([AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED, AttemptOutcome.HANDED_BACK])
    settled = executions.settle(
        Ending(outcome),
        execution_id=claim.execution_id,
        fence=claim.fence,
        policy=claim.policy,
        tries=claim.tries,
        losses=claim.losses,
    )
    assert settled is not None, "somebody else had ended the run"
    publisher.publish_freed(settled)


class TestCrowd:
    def test_leaves_nothing_behind(self, make_job: MakeJob, tenant: Tenant) -> None:
        pool = pools.create({"name": "Pool", "size": 3}, tenant=tenant, actor="user:test")
        retry = {"max_retries": 2, "retry_base_seconds": 1}
        jobs = [
            make_job(policies={"overlap": "queue_all", **retry}),
            make_job(policies={"overlap": "queue_all", "max_instances": 2, **retry}, pool=pool.slug),
            make_job(policies={"overlap": "allow", **retry}, pool=pool.slug, priority="low"),
            make_job(policies={"overlap": "allow"}, queue="other", priority="critical"),
        ]
        ids = [registry.run_now(job, actor="user:test") for _ in range(60) for job in jobs]
        crowd, overruns = Crowd(), []

        def meddle() -> None:
            some = random.sample(ids, 12)
            now = sql.now()
            executions.change_priority(some, priority=random.choice([0, 3, 6, 9]), by="user:test", now=now)
            for execution_id in some[:1]:
                with contextlib.suppress(NotWaitingForRetry):
                    random.choice([executions.retry_now, executions.give_up])(execution_id, by="user:test")
            if random.random() < 0.1:
                with contextlib.suppress(AlreadyFinished):
                    executions.cancel(some[0], by="user:test", now=now)
            if random.random() < 0.1:
                executions.cancel_unstarted(random.sample(ids, 5), by="user:test", now=now, reason="test")
            pools.change(pool.pk, {"size": random.choice([1, 3])}, actor="user:test")
            publisher.publish(some)
            found = sql.row(OVERRUN, {"pool": pool.pk})
            assert found is not None
            overruns.append((found["in_pool"], found["of_job"]))
            time.sleep(0.02)

        def lead() -> None:
            publisher.publish_waiting(Recorder())
            sql.rows(
                "UPDATE job_executions SET available_at = clock_timestamp() WHERE id = ANY (ARRAY(SELECT id FROM "
                "job_executions WHERE status = 'queued' AND attempt > 0 FOR UPDATE SKIP LOCKED))"
            )
            time.sleep(0.1)

        for _ in range(WORKERS):
            crowd.join_in(run_next)
        for turn in (meddle, meddle, lead, lead):
            crowd.join_in(turn)
        crowd.wait(lambda: not Execution.objects.filter(finished_at=None).exists())
        assert crowd.errors == []
        assert crowd.deadlocks == 0
        assert (max(in_pool for in_pool, _ in overruns), max(of_job for _, of_job in overruns)) <= (3, 2)
        assert not ExecutionLease.objects.exists()
        assert not Attempt.objects.filter(finished_at=None).exists()
        dead = Execution.objects.filter(status__in=("dead", "failed", "timed_out", "lost")).count()
        assert DeadLetter.objects.count() == dead
