"""Job runs as results of django-celery-results: where Celery's own tools look for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult
from django_celery_results.models import TaskResult

from jobs import executions, registry
from jobs.execution import executor
from jobs.executions import Ending
from jobs.models import EventCursor, Execution, Job
from jobs.recovery import celery_results
from jobs.rules.states import AttemptOutcome
from jobs.tick import publisher
from scheduler_project.celery import app
from scheduler_project.lib import sql, transactions
from tests import live
from tests.live import wait_for
from tests.sample.tasks import add

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def begun(db: None) -> None:
    celery_results.sweep()


def run(job: Job, **wishes: Any) -> Execution:
    execution_id = registry.run_now(job, actor="user:test", **wishes)
    executor.execute(execution_id, worker="w1")
    celery_results.sweep()
    return Execution.objects.get(pk=execution_id)


def end(job: Job, outcome: AttemptOutcome, **how: Any) -> Execution:
    execution_id = registry.run_now(job, actor="user:test")
    claim = executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60))
    assert claim is not None
    ending = Ending(outcome, may_retry=False, **how)
    with transactions.engine():
        executions.settle(ending, execution_id=execution_id, fence=claim.fence, policy=claim.policy, tries=9, losses=9)
    celery_results.sweep()
    return Execution.objects.get(pk=execution_id)


class TestMirror:
    def test_of_a_success_is_a_result_that_celery_can_get(self, make_job: MakeJob) -> None:
        execution = run(make_job(name="Greet", parameters={"text": "hi", "token": "hunter2"}))
        row = TaskResult.objects.get()
        assert (row.task_id, row.task_name, row.status) == (str(execution.run_key), "echo", "SUCCESS")
        assert (row.periodic_task_name, row.worker, row.traceback) == ("Greet", "w1", None)
        assert json.loads(row.task_kwargs) == {"text": "hi"}
        assert json.loads(row.meta)["execution_id"] == execution.pk
        assert (row.date_created, row.date_started, row.date_done) == (
            execution.created_at,
            execution.started_at,
            execution.finished_at,
        )
        found: AsyncResult[Any] = AsyncResult(str(execution.run_key), app=app)
        assert found.get(timeout=1) == {"text": "hi", "attempt": 1}
        assert found.status == "SUCCESS"
        assert found.info == execution.result

    def test_of_a_failure_raises_what_the_template_raised(self, make_job: MakeJob) -> None:
        job = make_job(template="failing", parameters={"permanent": True})
        execution = run(job)
        row = TaskResult.objects.get()
        assert row.status == "FAILURE"
        assert "Traceback" in row.traceback
        found: AsyncResult[Any] = AsyncResult(str(execution.run_key), app=app)
        with pytest.raises(Exception, match=execution.error) as raised:
            found.get(timeout=1)
        assert type(raised.value).__name__ == execution.error_class.rpartition(".")[2]

    @pytest.mark.parametrize(
        ("outcome", "state", "kind"),
        [
            (AttemptOutcome.TIMED_OUT, "FAILURE", "TimeLimitExceeded"),
            (AttemptOutcome.LOST, "FAILURE", "WorkerLostError"),
            (AttemptOutcome.CANCELLED, "REVOKED", "TaskRevokedError"),
        ],
    )
    def test_has_a_state_for_every_end(self, make_job: MakeJob, outcome: AttemptOutcome, state: str, kind: str) -> None:
        execution = end(make_job(policies={"on_lost": "fail"}), outcome)
        assert TaskResult.objects.get().status == state
        found: AsyncResult[Any] = AsyncResult(str(execution.run_key), app=app)
        assert type(found.result).__name__ == kind

    def test_of_what_never_started_is_revoked(self, make_job: MakeJob) -> None:
        execution_id = registry.run_now(make_job(), actor="user:test")
        executions.cancel(execution_id, by="user:test", now=sql.now())
        celery_results.sweep()
        row = TaskResult.objects.get()
        assert (row.status, row.worker, row.date_started) == ("REVOKED", None, None)
        found: AsyncResult[Any] = AsyncResult(row.task_id, app=app)
        with pytest.raises(TaskRevokedError):
            found.get(timeout=1)

    def test_waits_for_the_end_of_what_is_tried_again(self, make_job: MakeJob) -> None:
        job = make_job(template="failing", parameters={"until_attempt": 2}, policies={"retry_base_seconds": 0})
        execution = run(job)
        assert execution.status == "queued"
        assert not TaskResult.objects.exists()
        executor.execute(execution.pk, worker="w2")
        celery_results.sweep()
        row = TaskResult.objects.get()
        assert (row.status, row.worker, json.loads(row.meta)["attempts"]) == ("SUCCESS", "w2", 2)

    def test_changes_nothing_when_it_reads_the_events_again(self, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "allow"})
        for _ in range(3):
            run(job)
        before = list(TaskResult.objects.order_by("pk").values())
        EventCursor.objects.filter(name=celery_results.READER).update(xid=0, event_id=0)
        assert celery_results.sweep() > 0
        assert list(TaskResult.objects.order_by("pk").values()) == before

    def test_begins_with_what_ends_after_it_was_switched_on(self, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "allow"})
        EventCursor.objects.filter(name=celery_results.READER).delete()
        executor.execute(registry.run_now(job, actor="user:test"), worker="w1")
        celery_results.sweep()
        assert not TaskResult.objects.exists()
        run(job)
        assert TaskResult.objects.count() == 1


@pytest.mark.acceptance
class TestOtherTasks:
    def test_keep_their_results_beside_those_of_jobs(self, make_job: MakeJob, tmp_path: Path) -> None:
        with live.worker(tmp_path):
            plain = add.delay(2, 3)
            execution_id = registry.run_now(make_job(), actor="user:test")
            publisher.publish_waiting()
            assert plain.get(timeout=20) == 5
            wait_for(lambda: Execution.objects.get(pk=execution_id).status == "succeeded")
        assert set(TaskResult.objects.values_list("task_id", flat=True)) == {plain.id}
        celery_results.sweep()
        run_key = str(Execution.objects.get(pk=execution_id).run_key)
        assert set(TaskResult.objects.values_list("task_id", flat=True)) == {plain.id, run_key}
        assert plain.get(timeout=1) == 5
