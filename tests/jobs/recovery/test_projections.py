"""Sums and last outcomes, from events read once and in order."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import InternalError, connections
from django.db.models import F

from jobs import executions, registry
from jobs.execution import executor
from jobs.models import EventCursor, Execution, ExecutionTotal, Job
from jobs.recovery import outbox, projections
from jobs.rules.states import Trigger
from scheduler_project.lib import sql, transactions

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)


def totals() -> dict[str, int]:
    return dict(ExecutionTotal.objects.values_list("kind", "count"))


class TestSweep:
    def test_adds_up_each_event_once(self, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "allow"})
        for _ in range(3):
            executor.execute(registry.run_now(job, actor="user:test"), worker="w")
        assert projections.sweep() == 9
        assert projections.sweep() == 0
        assert totals() == {"queued": 3, "started": 3, "succeeded": 3}

    def test_sorts_durations_into_buckets(self, make_job: MakeJob) -> None:
        executor.execute(registry.run_now(make_job(), actor="user:test"), worker="w")
        projections.sweep()
        total = ExecutionTotal.objects.get(kind="succeeded")
        assert sum(total.buckets) == total.count == 1
        assert total.seconds > 0

    def test_remembers_the_last_outcome_of_a_job(self, make_job: MakeJob) -> None:
        job = make_job(template="failing", parameters={"permanent": True})
        execution_id = registry.run_now(job, actor="user:test")
        executor.execute(execution_id, worker="w")
        projections.sweep()
        job.refresh_from_db()
        execution = Execution.objects.get(pk=execution_id)
        assert (job.last_status, job.last_execution_id) == ("failed", execution_id)
        assert (job.last_run_at, job.last_finished_at) == (execution.started_at, execution.finished_at)

    def test_waits_for_transactions_that_began_earlier(self, make_job: MakeJob) -> None:
        """Their events have smaller transaction numbers; read now, they would be skipped for ever."""
        job = make_job(policies={"overlap": "allow"})
        projections.sweep()
        other = connections.create_connection("default")
        try:
            with other.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("SELECT pg_current_xact_id()")
                executions_before = projections.sweep()
                registry.run_now(job, actor="user:test")
                assert (executions_before, projections.sweep()) == (0, 0)
                cursor.execute("COMMIT")
        finally:
            other.close()
        assert projections.sweep() == 1

    def test_is_ended_when_its_process_is_suspended_and_reads_again(
        self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its locks on jobs would keep their ticks from whoever leads next."""
        executor.execute(registry.run_now(make_job(), actor="user:test"), worker="w")
        monkeypatch.setattr(transactions, "STANDSTILL", "SET LOCAL idle_in_transaction_session_timeout = '200ms'")
        with pytest.raises(InternalError, match="idle-in-transaction"):
            outbox.read("projections", lambda events: time.sleep(0.5))
        transactions.forget_connection()
        assert projections.sweep() == 3

    def test_goes_on_after_a_restore_into_a_new_cluster(self, make_job: MakeJob) -> None:
        """There transaction numbers begin anew, far below the cursor and the events that came with the backup."""
        job = make_job(policies={"overlap": "allow"})
        registry.run_now(job, actor="user:test")
        projections.sweep()
        registry.run_now(job, actor="user:test")
        sql.rows("UPDATE execution_events SET xid = xid + 1000000000")
        EventCursor.objects.update(xid=F("xid") + 1_000_000_000)
        assert projections.sweep() == 1
        registry.run_now(job, actor="user:test")
        assert projections.sweep() == 1
        assert totals() == {"queued": 3}

    def test_adds_nothing_when_it_cannot_move_its_cursor(
        self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry.run_now(make_job(), actor="user:test")

        def fail(self: EventCursor, *args: object, **kwargs: object) -> None:
            raise RuntimeError("no")

        with monkeypatch.context() as patch:
            patch.setattr(EventCursor, "save", fail)
            with pytest.raises(RuntimeError):
                projections.sweep()
        assert totals() == {}
        assert projections.sweep() == 1


class TestFailuresInRow:
    """Counted from the events, in their order."""

    @pytest.mark.parametrize(
        ("ends", "count"),
        [
            ("failed", 1),
            ("failed timed_out lost dead", 4),
            ("failed failed succeeded", 0),
            ("failed succeeded failed failed", 2),
            ("failed cancelled failed", 2),
            ("cancelled", 0),
            ("failed retrying started retrying failed", 2),
        ],
    )
    @pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one by one"])
    def test_are_those_since_the_last_success(self, make_job: MakeJob, ends: str, count: int, at_once: bool) -> None:
        job = make_job()
        for kind in ends.split():
            tell(job, kind)
            if not at_once:
                projections.sweep()
        projections.sweep()
        job.refresh_from_db()
        assert job.failures_in_row == count

    def test_leave_dry_runs_out(self, make_job: MakeJob) -> None:
        job = make_job()
        tell(job, "failed")
        tell(job, "succeeded", dry_run=True)
        tell(job, "failed", dry_run=True)
        projections.sweep()
        job.refresh_from_db()
        assert job.failures_in_row == 1

    def test_leave_out_what_failed_before_a_resume_and_was_read_after_it(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.pause(job.pk, actor="user:ana")
        tell(job, "failed")
        registry.resume(job.pk, actor="user:ana")
        tell(job, "failed")
        projections.sweep()
        job.refresh_from_db()
        assert job.failures_in_row == 1


def tell(job: Job, kind: str, *, dry_run: bool = False) -> None:
    execution_id = executions.create(job=job, trigger=Trigger.MANUAL, requested_by="user:test", dry_run=dry_run)
    sql.rows(
        "INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id) "
        "VALUES (%(id)s, 2, %(kind)s, clock_timestamp(), %(tenant)s, %(job)s)",
        {"id": execution_id, "kind": kind, "tenant": job.tenant_id, "job": job.pk},
    )


def test_a_claim_that_never_was_is_no_event(make_job: MakeJob) -> None:
    execution_id = registry.run_now(make_job(), actor="user:test")
    claim = executor._claim_one(execution_id, worker="w")
    assert isinstance(claim, executions.Claim)
    assert executor._claim_one(execution_id, worker="w") is None
    assert Execution.objects.get(pk=execution_id).event_sequence == 2
