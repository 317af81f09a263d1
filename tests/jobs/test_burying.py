"""What ends without success leaves a dead letter, in the statement that ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jobs import executions, registry
from jobs.executions import Ending
from jobs.models import Attempt, DeadLetter, Execution, ExecutionEvent, Job
from jobs.recovery import loss
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib import sql
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]
TRACEBACK = 'Traceback (most recent call last):\n  File "/srv/shop/imports.py", line 9, in run\nValueError: no 7\n'
FAILED = Ending(
    AttemptOutcome.FAILED, error="Order 7 is gone.", error_class="ValueError", traceback=TRACEBACK, may_retry=False
)

pytestmark = pytest.mark.django_db


def run(execution_id: int, ending: Ending) -> Execution:
    Execution.objects.filter(pk=execution_id).update(available_at=database_now())
    claimed = executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60))
    assert claimed is not None
    executions.settle(
        ending,
        execution_id=execution_id,
        fence=claimed.fence,
        policy=claimed.policy,
        tries=claimed.tries,
        losses=claimed.losses,
    )
    return Execution.objects.get(pk=execution_id)


def lose(execution_id: int) -> Execution:
    claimed = executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60))
    assert claimed is not None
    row = sql.row(f"SELECT {loss.COLUMNS} WHERE e.id = %(id)s", {"id": execution_id})
    assert row is not None
    loss.settle(loss.Orphan.of(row), died_at=database_now(), how="The worker w1 (process 9) stopped answering.")
    return Execution.objects.get(pk=execution_id)


@pytest.fixture
def queue(make_job: MakeJob) -> Callable[..., int]:
    def make(**changes: Any) -> int:
        return registry.run_now(make_job(**changes), actor="user:test")

    return make


Queue = Callable[..., int]


class TestBurying:
    def test_keeps_what_is_needed_to_judge_it(self, queue: Queue) -> None:
        execution = run(queue(), FAILED)
        letter = DeadLetter.objects.get(execution_id=execution.pk)
        assert (letter.tenant_id, letter.job_id, letter.template_id) == (
            execution.tenant_id,
            execution.job_id,
            execution.template_id,
        )
        assert (letter.status, letter.reason, letter.attempts) == ("failed", "not_retryable", 1)
        assert (letter.error_class, letter.error, letter.place) == (
            "ValueError",
            "Order 7 is gone.",
            "shop/imports.py in run",
        )
        assert letter.died_at == execution.finished_at
        assert letter.state == "open"
        assert letter.fingerprint == execution.fingerprint != ""

    @pytest.mark.parametrize(
        ("ending", "policies", "status"),
        [
            (FAILED, {}, "failed"),
            (Ending(AttemptOutcome.FAILED, error="no"), {"max_retries": 0}, "failed"),
            (Ending(AttemptOutcome.TIMED_OUT, error="too long"), {"max_retries": 0}, "timed_out"),
            (Ending(AttemptOutcome.LOST, error="gone"), {"on_lost": "fail"}, "lost"),
        ],
    )
    def test_happens_to_every_end_without_success(
        self, queue: Queue, ending: Ending, policies: dict[str, Any], status: str
    ) -> None:
        execution = run(queue(policies=policies), ending)
        assert execution.status == status
        assert DeadLetter.objects.get(execution_id=execution.pk).status == status

    def test_waits_for_the_last_retry(self, queue: Queue) -> None:
        execution_id, failing = queue(policies={"max_retries": 1}), Ending(AttemptOutcome.FAILED, error="no 1")
        execution = run(execution_id, failing)
        assert (execution.status, execution.fingerprint != "") == ("queued", True)
        assert not DeadLetter.objects.exists()
        run(execution_id, failing)
        letter = DeadLetter.objects.get()
        assert (letter.status, letter.reason, letter.attempts) == ("dead", "retries_used_up", 2)

    def test_takes_in_what_kills_its_workers(self, queue: Queue) -> None:
        execution_id = queue()
        assert [lose(execution_id).status for _ in range(3)] == ["queued", "queued", "dead"]
        letter = DeadLetter.objects.get()
        assert (letter.status, letter.reason, letter.error_class) == ("dead", "lost_too_often", "WorkerLost")

    @pytest.mark.parametrize(
        "outcome", [AttemptOutcome.SUCCEEDED, AttemptOutcome.CANCELLED, AttemptOutcome.HANDED_BACK]
    )
    def test_spares_what_did_not_fail(self, queue: Queue, outcome: AttemptOutcome) -> None:
        assert run(queue(), Ending(outcome)).fingerprint == ""
        assert not DeadLetter.objects.exists()

    def test_spares_what_somebody_cancelled_while_it_failed(self, queue: Queue) -> None:
        execution_id = queue()
        claimed = executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60))
        assert claimed is not None
        executions.cancel(execution_id, by="user:test", now=database_now())
        executions.settle(
            Ending(AttemptOutcome.FAILED, error="no"),
            execution_id=execution_id,
            fence=claimed.fence,
            policy=claimed.policy,
            tries=1,
            losses=0,
        )
        assert Execution.objects.get(pk=execution_id).status == "cancelled"
        assert not DeadLetter.objects.exists()

    def test_spares_dry_runs(self, make_job: MakeJob) -> None:
        job = make_job(template="database_cleanup", parameters={"model": "sessions.Session", "older_than_days": 30})
        execution = run(registry.run_now(job, actor="user:test", dry_run=True), FAILED)
        assert execution.status == "failed"
        assert not DeadLetter.objects.exists()

    def test_takes_whatever_text_there_is(self, queue: Queue) -> None:
        ending = Ending(
            AttemptOutcome.FAILED,
            error="a\x00b \ud83d " + "x" * 20_000,
            error_class="E" * 300,
            traceback=f'Traceback (most recent call last):\n  File "/srv/\ud83d/{"y" * 300}.py", line 9, in run\x00\n',
            may_retry=False,
        )
        letter = DeadLetter.objects.get(execution_id=run(queue(), ending).pk)
        assert (len(letter.error), len(letter.place), len(letter.error_class)) == (1000, 200, 200)


class TestRetryNow:
    def test_does_not_wait_any_longer(self, queue: Queue) -> None:
        execution_id = queue()
        run(execution_id, Ending(AttemptOutcome.FAILED, error="no"))
        Execution.objects.filter(pk=execution_id).update(available_at=database_now() + timedelta(hours=1))
        executions.retry_now(execution_id, by="user:test")
        assert Execution.objects.get(pk=execution_id).available_at <= database_now()
        told = ExecutionEvent.objects.filter(execution_id=execution_id).order_by("sequence").last()
        assert told is not None
        assert (told.kind, told.data["by"]) == ("retry_now", "user:test")
        assert executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60)) is not None

    def test_refuses_what_waits_for_its_first_try(self, queue: Queue) -> None:
        with pytest.raises(executions.NotWaitingForRetry):
            executions.retry_now(queue(), by="user:test")

    def test_refuses_what_has_finished(self, queue: Queue) -> None:
        execution = run(queue(), FAILED)
        with pytest.raises(executions.NotWaitingForRetry):
            executions.retry_now(execution.pk, by="user:test")


class TestGiveUp:
    def test_ends_the_run_with_a_letter(self, queue: Queue) -> None:
        execution_id = queue()
        waiting = run(execution_id, Ending(AttemptOutcome.FAILED, error="no 1", error_class="E", traceback=TRACEBACK))
        executions.give_up(execution_id, by="user:test")
        execution = Execution.objects.get(pk=execution_id)
        assert (execution.status, execution.reason, execution.error) == ("dead", "gave_up", "no 1")
        assert execution.finished_at is not None
        letter = DeadLetter.objects.get(execution_id=execution_id)
        assert (letter.reason, letter.place) == ("gave_up", "shop/imports.py in run")
        assert letter.fingerprint == waiting.fingerprint
        assert executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60)) is None

    def test_loses_to_a_worker_that_was_faster(self, queue: Queue) -> None:
        execution_id = queue()
        run(execution_id, Ending(AttemptOutcome.FAILED, error="no"))
        executions.retry_now(execution_id, by="user:test")
        assert executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60)) is not None
        with pytest.raises(executions.NotWaitingForRetry):
            executions.give_up(execution_id, by="user:test")
        assert Attempt.objects.filter(execution_id=execution_id).count() == 2
        assert not DeadLetter.objects.exists()
