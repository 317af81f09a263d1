"""Claim, renew, settle and cancel, with the losers of each race."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from jobs import executions, registry
from jobs.executions import Claim, Ending, Settled
from jobs.models import Attempt, Execution, ExecutionEvent, ExecutionLease, Job
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib import sql
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]
LEASE = timedelta(seconds=60)

pytestmark = pytest.mark.django_db


def claim(execution_id: int, worker: str = "w1") -> Claim | None:
    return executions.claim(execution_id, worker=worker, lease=LEASE)


def settle(claimed: Claim, outcome: AttemptOutcome, **more: object) -> Settled | None:
    return executions.settle(
        Ending(outcome, **more),  # type: ignore[arg-type]
        execution_id=claimed.execution_id,
        fence=claimed.fence,
        policy=claimed.policy,
        tries=claimed.tries,
        losses=claimed.losses,
    )


def make_due(execution_id: int) -> None:
    Execution.objects.filter(pk=execution_id).update(available_at=database_now())


@pytest.fixture
def queued(make_job: MakeJob) -> int:
    return registry.run_now(make_job(), actor="user:test")


class TestClaim:
    def test_makes_the_worker_the_owner(self, queued: int) -> None:
        claimed = claim(queued)
        assert claimed is not None
        assert (claimed.fence, claimed.attempt, claimed.template) == (1, 1, "echo")
        lease = ExecutionLease.objects.get(execution_id=queued)
        assert (lease.worker, lease.fence, lease.job_slot) == ("w1", 1, 1)
        assert Attempt.objects.get(execution_id=queued).number == 1
        assert Execution.objects.get(pk=queued).status == "running"

    def test_loses_to_an_earlier_worker(self, queued: int) -> None:
        assert claim(queued) is not None
        assert claim(queued, "w2") is None
        assert Attempt.objects.filter(execution_id=queued).count() == 1

    def test_waits_for_the_slot_of_the_job(self, queued: int) -> None:
        job = Execution.objects.get(pk=queued).job
        assert job is not None
        second = registry.run_now(job, actor="user:test")
        first = claim(queued)
        assert first is not None
        assert claim(second) is None
        settled = settle(first, AttemptOutcome.SUCCEEDED)
        assert settled is not None
        assert settled.freed_slot_of == job.pk
        assert claim(second) is not None

    def test_takes_any_number_where_overlap_is_allowed(self, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "allow"})
        ids = [registry.run_now(job, actor="user:test") for _ in range(3)]
        assert all(claim(execution_id) for execution_id in ids)

    def test_keeps_to_the_number_of_instances(self, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "allow", "max_instances": 2})
        ids = [registry.run_now(job, actor="user:test") for _ in range(3)]
        assert [claim(execution_id) is not None for execution_id in ids] == [True, True, False]

    def test_refuses_what_is_not_available_yet(self, queued: int) -> None:
        Execution.objects.filter(pk=queued).update(available_at=database_now() + timedelta(seconds=60))
        assert claim(queued) is None

    def test_refuses_what_missed_its_start_deadline(self, queued: int) -> None:
        Execution.objects.filter(pk=queued).update(start_deadline_at=database_now())
        assert claim(queued) is None
        assert executions.expire_overdue(now=database_now()) == [queued]
        execution = Execution.objects.get(pk=queued)
        assert (execution.status, execution.reason) == ("cancelled", "start_deadline")


class TestRenew:
    def test_prolongs_the_lease(self, queued: int) -> None:
        claimed = claim(queued)
        assert claimed is not None
        before = ExecutionLease.objects.get(execution_id=queued)
        assert executions.renew(claimed, progress={"done": 3}) is False
        after = ExecutionLease.objects.get(execution_id=queued)
        assert after.expires_at > before.expires_at
        assert (after.heartbeat, after.progress) == (1, {"done": 3})

    def test_tells_of_a_request_to_cancel(self, queued: int) -> None:
        claimed = claim(queued)
        assert claimed is not None
        executions.cancel(queued, by="user:test", now=database_now())
        assert executions.renew(claimed) is True

    def test_tells_the_overtaken_owner(self, queued: int) -> None:
        claimed = claim(queued)
        assert claimed is not None
        settle(claimed, AttemptOutcome.LOST)
        assert executions.renew(claimed) is None


class TestSettle:
    def test_stores_the_result(self, queued: int) -> None:
        claimed = claim(queued)
        assert claimed is not None
        settled = settle(claimed, AttemptOutcome.SUCCEEDED, result={"deleted": 3})
        assert settled is not None
        execution = Execution.objects.get(pk=queued)
        assert (execution.status, execution.result, execution.reason) == ("succeeded", {"deleted": 3}, "")
        assert execution.finished_at is not None
        assert not ExecutionLease.objects.filter(execution_id=queued).exists()
        kinds = ExecutionEvent.objects.filter(execution_id=queued).order_by("sequence").values_list("kind", flat=True)
        assert list(kinds) == ["queued", "started", "succeeded"]

    def test_queues_a_failure_again_later(self, queued: int) -> None:
        claimed = claim(queued)
        assert claimed is not None
        settle(claimed, AttemptOutcome.FAILED, error="no", error_class="X", traceback="T")
        execution = Execution.objects.get(pk=queued)
        assert (execution.status, execution.reason, execution.error) == ("queued", "retry_after_failed", "no")
        assert execution.available_at > database_now()
        attempt = Attempt.objects.get(execution_id=queued)
        assert (attempt.outcome, attempt.traceback, attempt.retry_at) == ("failed", "T", execution.available_at)

    def test_gives_up_when_the_retries_are_used_up(self, queued: int) -> None:
        for _ in range(4):
            make_due(queued)
            claimed = claim(queued)
            assert claimed is not None
            settle(claimed, AttemptOutcome.FAILED, error="no")
        execution = Execution.objects.get(pk=queued)
        assert (execution.status, execution.reason, execution.attempt) == ("dead", "retries_used_up", 4)

    def test_does_not_count_what_was_handed_back(self, queued: int) -> None:
        claimed = claim(queued)
        assert claimed is not None
        settle(claimed, AttemptOutcome.HANDED_BACK)
        again = claim(queued)
        assert again is not None
        assert (again.attempt, again.tries) == (2, 1)

    def test_drops_the_result_of_an_overtaken_attempt(self, queued: int) -> None:
        first = claim(queued)
        assert first is not None
        settle(first, AttemptOutcome.LOST)
        second = claim(queued, "w2")
        assert second is not None
        assert settle(first, AttemptOutcome.SUCCEEDED, result={"by": "first"}) is None
        stale = Attempt.objects.get(execution_id=queued, number=1)
        assert (stale.is_stale, stale.stale_result, stale.outcome) == (True, {"by": "first"}, "lost")
        assert Execution.objects.get(pk=queued).status == "running"
        assert settle(second, AttemptOutcome.SUCCEEDED, result={"by": "second"}) is not None
        assert Execution.objects.get(pk=queued).result == {"by": "second"}

    def test_retries_nothing_that_someone_asked_to_cancel(self, queued: int) -> None:
        claimed = claim(queued)
        assert claimed is not None
        executions.cancel(queued, by="user:test", now=database_now())
        settle(claimed, AttemptOutcome.FAILED, error="no")
        execution = Execution.objects.get(pk=queued)
        assert (execution.status, execution.reason) == ("cancelled", "cancelled")


class TestCancel:
    def test_ends_a_queued_execution_at_once(self, queued: int) -> None:
        executions.cancel(queued, by="user:test", now=database_now())
        execution = Execution.objects.get(pk=queued)
        assert (execution.status, execution.cancel_requested_by) == ("cancelled", "user:test")
        assert claim(queued) is None

    def test_refuses_what_has_finished(self, queued: int) -> None:
        executions.cancel(queued, by="user:test", now=database_now())
        with pytest.raises(executions.AlreadyFinished):
            executions.cancel(queued, by="user:test", now=database_now())


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_as_many_claims_succeed_as_there_are_slots(self, make_job: MakeJob) -> None:
        job = make_job(policies={"max_instances": 6, "overlap": "queue_all"})
        waiting = [registry.run_now(job, actor="user:test") for _ in range(8)]
        together = threading.Barrier(len(waiting))

        def claim(execution_id: int) -> bool:
            connection.ensure_connection()
            together.wait()
            try:
                return executions.claim(execution_id, worker="w", lease=timedelta(seconds=60)) is not None
            finally:
                connection.close()

        with ThreadPoolExecutor(len(waiting)) as threads:
            assert sum(threads.map(claim, waiting)) == 6

    def test_a_claim_is_durable_whatever_the_session_says(self, make_job: MakeJob) -> None:
        execution_id = registry.run_now(make_job(), actor="user:test")
        sql.rows("SET synchronous_commit = off")
        try:
            assert executions.claim(execution_id, worker="w", lease=timedelta(seconds=60))
            behind = sql.row("SELECT pg_current_wal_insert_lsn() - pg_current_wal_flush_lsn() AS bytes")
        finally:
            connection.close()
        assert behind == {"bytes": 0}
