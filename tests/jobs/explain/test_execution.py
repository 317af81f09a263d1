"""Why an execution waits, who runs it, how it ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from jobs import executions, pools, registry
from jobs.executions import Ending
from jobs.explain import Explanation, explain_execution
from jobs.models import Execution, Job, Tick
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib import sql, transactions
from tests.jobs.test_ledger import decide_due

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


def explained(execution_id: int) -> Explanation:
    return explain_execution(Execution.objects.get(pk=execution_id), now=sql.now())


def block_of(execution_id: int) -> Any:
    block = explained(execution_id).blocked_by
    assert block is not None
    return block


def announced(execution_id: int, *, worker: bool = True) -> None:
    Execution.objects.filter(pk=execution_id).update(published_at=sql.now())
    if worker:
        from jobs.execution import registration

        registration.beat("worker@test", queues=["default"], concurrency=1)


@pytest.fixture(autouse=True)
def _provisioned(monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.backends.celery import CeleryBackend

    monkeypatch.setattr(CeleryBackend, "is_provisioned", lambda _: True)


class TestWaiting:
    def test_says_when_nothing_stands_in_the_way(self, make_job: MakeJob) -> None:
        run = registry.run_now(make_job(), actor="user:ana")
        announced(run)
        found = explained(run)
        assert found.blocked_by is None
        assert found.answer == "Nothing stands in the way: the next free worker takes it."
        assert found.further[0].steps[0].by == "user:ana"

    def test_names_who_holds_the_slot_of_its_pool(self, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "allow"})
        pool = pools.create({"name": "Vendor", "size": 1}, tenant=job.tenant, actor="user:ana")
        registry.change(job.pk, {"pool": pool.slug}, actor="user:ana")
        job.refresh_from_db()
        first, second = registry.run_now(job, actor="user:ana"), registry.run_now(job, actor="user:ana")
        assert executions.claim(first, worker="w1", lease=timedelta(seconds=60)) is not None
        block = block_of(second)
        assert (block.rule, block.execution_id) == ("pool", first)
        assert block.text.startswith("Every slot of the pool Vendor (1) is taken")

    def test_names_who_holds_the_slot(self, make_job: MakeJob) -> None:
        job = make_job()
        first, second = (registry.run_now(job, actor="user:ana") for _ in range(2))
        executions.claim(first, worker="worker@a", lease=timedelta(seconds=60))
        block = block_of(second)
        assert (block.rule, block.execution_id) == ("slot", first)
        assert "running on worker@a since" in block.text

    def test_waits_for_its_retry(self, make_job: MakeJob) -> None:
        run = registry.run_now(make_job(), actor="user:ana")
        settle(run, AttemptOutcome.FAILED, error="It broke.", error_class="ValueError")
        found = explained(run)
        block = block_of(run)
        assert (block.rule, block.reason) == ("available", "retry_after_failed")
        assert block.clears_at == Execution.objects.get(pk=run).available_at
        assert "failed after" in found.steps[0].text
        assert "ValueError: It broke" in found.steps[0].text

    def test_waits_for_its_announcement(self, make_job: MakeJob) -> None:
        run = registry.run_now(make_job(), actor="user:ana")
        assert block_of(run).rule == "announced"

    def test_waits_for_a_worker_on_its_queue(self, make_job: MakeJob) -> None:
        run = registry.run_now(make_job(queue="gpu"), actor="user:ana")
        announced(run)
        assert block_of(run).text == "No worker listens to the queue gpu; start one with `-Q gpu`."

    def test_a_worker_that_fell_silent_does_not_count(self, make_job: MakeJob) -> None:
        run = registry.run_now(make_job(), actor="user:ana")
        announced(run)
        silent = settings.DAYBOOK_HEARTBEAT * 10
        sql.rows("UPDATE workers SET heartbeat_at = heartbeat_at - %(long)s::interval", {"long": silent})
        assert "The last one, worker@test, was heard at" in block_of(run).text

    def test_a_missing_broker(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        from jobs.backends.celery import CeleryBackend

        monkeypatch.setattr(CeleryBackend, "is_provisioned", lambda _: False)
        assert block_of(registry.run_now(make_job(), actor="user:ana")).rule == "provisioned"

    def test_a_passed_deadline(self, make_job: MakeJob) -> None:
        run = registry.run_now(make_job(), actor="user:ana")
        Execution.objects.filter(pk=run).update(start_deadline_at=sql.now() - timedelta(seconds=1))
        assert block_of(run).reason == "start_deadline"


class TestRunning:
    def test_says_who_runs_it_and_who_wants_it_to_end(self, make_job: MakeJob) -> None:
        run = registry.run_now(make_job(), actor="user:ana")
        executions.claim(run, worker="worker@a", lease=timedelta(seconds=60))
        executions.cancel(run, by="user:olaf", now=sql.now())
        found = explained(run)
        assert found.blocked_by is None
        assert "worker@a (process" in found.answer
        assert "user:olaf asked to cancel it" in found.answer


class TestEnded:
    def test_by_success(self, make_job: MakeJob) -> None:
        run = registry.run_now(make_job(), actor="user:ana")
        settle(run, AttemptOutcome.SUCCEEDED)
        assert explained(run).answer.startswith("It succeeded at ")

    @pytest.mark.parametrize(
        ("outcome", "status", "words"),
        [
            (AttemptOutcome.FAILED, "failed", "this kind of error is not retried"),
            (AttemptOutcome.TIMED_OUT, "timed_out", "this kind of error is not retried"),
            (AttemptOutcome.LOST, "lost", "its worker vanished"),
        ],
    )
    def test_says_how_and_why(self, make_job: MakeJob, outcome: AttemptOutcome, status: str, words: str) -> None:
        run = registry.run_now(make_job(policies={"on_lost": "fail"}), actor="user:ana")
        settle(run, outcome, error="It broke.", error_class="ValueError", may_retry=False)
        block = block_of(run)
        assert (block.rule, block.outcome) == ("ended", status)
        assert words in block.text

    def test_by_someone_s_wish(self, make_job: MakeJob) -> None:
        run = registry.run_now(make_job(), actor="user:ana")
        executions.cancel(run, by="user:olaf", now=sql.now())
        assert "user:olaf asked for it" in explained(run).answer


class TestItsTick:
    def test_is_told_below(self, make_job: MakeJob) -> None:
        job = make_job()
        decide_due(minutes=1)
        tick = Tick.objects.get(job=job)
        assert tick.execution_id is not None
        section = explained(tick.execution_id).further[0]
        assert section.title == "The tick that fired it"
        assert "overlap" in {step.rule for step in section.steps}


def settle(execution_id: int, outcome: AttemptOutcome, *, may_retry: bool = True, **words: str) -> None:
    claim = executions.claim(execution_id, worker="worker@a", lease=timedelta(seconds=60))
    assert claim is not None
    with transactions.engine():
        executions.settle(
            Ending(outcome, may_retry=may_retry, **words), execution_id=execution_id, fence=claim.fence,
            policy=claim.policy, tries=claim.tries, losses=claim.losses,
        )  # fmt: skip
