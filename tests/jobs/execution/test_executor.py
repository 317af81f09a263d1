"""One run in this very process, from claim to settle."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from jobs import executions, registry
from jobs.execution import executor
from jobs.models import Attempt, Execution, Job, LogLine
from jobs.rules.states import ExecutionStatus
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)


def run(execution_id: int) -> ExecutionStatus | None:
    return executor.execute(execution_id, worker="w1")


class TestExecute:
    def test_stores_result_and_log(self, make_job: MakeJob) -> None:
        execution_id = registry.run_now(make_job(parameters={"text": "hi"}), actor="user:test")
        assert run(execution_id) == "succeeded"
        execution = Execution.objects.get(pk=execution_id)
        assert execution.result == {"text": "hi", "attempt": 1}
        assert [(line.sequence, line.message) for line in LogLine.objects.filter(execution=execution)] == [
            (1, "Echoing hi")
        ]

    def test_does_nothing_for_a_second_message(self, make_job: MakeJob) -> None:
        execution_id = registry.run_now(make_job(), actor="user:test")
        assert run(execution_id) == "succeeded"
        assert run(execution_id) is None
        assert Attempt.objects.filter(execution_id=execution_id).count() == 1

    def test_does_nothing_for_an_unknown_id(self, make_job: MakeJob) -> None:
        assert run(999_999) is None

    def test_keeps_the_traceback_of_a_failure_and_retries_it(self, make_job: MakeJob) -> None:
        execution_id = registry.run_now(make_job(template="failing"), actor="user:test")
        assert run(execution_id) == "queued"
        attempt = Attempt.objects.get(execution_id=execution_id)
        assert (attempt.outcome, attempt.error, attempt.error_class) == (
            "failed",
            "This did not work.",
            "builtins.ValueError",
        )
        assert 'raise ValueError("This did not work.")' in attempt.traceback

    def test_retries_until_it_works(self, make_job: MakeJob) -> None:
        job = make_job(template="failing", parameters={"until_attempt": 2}, policies={"retry_base_seconds": 0})
        execution_id = registry.run_now(job, actor="user:test")
        assert run(execution_id) == "queued"
        assert run(execution_id) == "succeeded"
        execution = Execution.objects.get(pk=execution_id)
        assert (execution.result, execution.error) == ("recovered", "")

    def test_does_not_retry_what_is_permanent(self, make_job: MakeJob) -> None:
        job = make_job(template="failing", parameters={"permanent": True})
        execution_id = registry.run_now(job, actor="user:test")
        assert run(execution_id) == "failed"
        assert Execution.objects.get(pk=execution_id).reason == "not_retryable"

    def test_reports_what_a_dry_run_found(self, make_job: MakeJob) -> None:
        execution_id = registry.run_now(make_job(), actor="user:test", dry_run=True)
        assert run(execution_id) == "succeeded"
        result: Any = Execution.objects.get(pk=execution_id).result
        assert (result["summary"], result["count"]) == ("Would echo hello", 1)

    def test_refuses_parameters_that_no_longer_fit(self, make_job: MakeJob) -> None:
        execution_id = registry.run_now(make_job(), actor="user:test")
        Execution.objects.filter(pk=execution_id).update(parameters={"text": 5})
        assert run(execution_id) == "failed"
        execution = Execution.objects.get(pk=execution_id)
        assert execution.error_class == "InvalidParameters"
        assert "text" in execution.error

    def test_leaves_no_timer_behind(self, make_job: MakeJob) -> None:
        run(registry.run_now(make_job(), actor="user:test"))
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0

    def test_outlives_its_lease_by_renewing_it(self, make_job: MakeJob, tmp_path: Any, settings: Any) -> None:
        job = make_job(template="journal", parameters={"path": str(tmp_path / "j"), "seconds": 6})
        execution_id = registry.run_now(job, actor="user:test")
        assert settings.DAYBOOK_RUN_LEASE.total_seconds() < 6
        assert run(execution_id) == "succeeded"
        assert (tmp_path / "j").read_text().count("\n") == 2

    def test_stops_a_run_at_its_soft_limit(self, make_job: MakeJob, tmp_path: Any) -> None:
        job = make_job(
            template="journal",
            parameters={"path": str(tmp_path / "j"), "seconds": 30, "how": "spin"},
            policies={"soft_timeout_seconds": 1, "timeout_seconds": 20, "max_retries": 0},
        )
        assert run(registry.run_now(job, actor="user:test")) == "timed_out"

    def test_stops_a_cancelled_run(self, make_job: MakeJob, tmp_path: Any) -> None:
        job = make_job(template="journal", parameters={"path": str(tmp_path / "j"), "seconds": 30})
        execution_id = registry.run_now(job, actor="user:test")
        claimed = executions.claim

        def claim_and_cancel(*args: Any, **kwargs: Any) -> executions.Claim | None:
            made = claimed(*args, **kwargs)
            executions.cancel(execution_id, by="user:test", now=database_now())
            return made

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(executions, "claim", claim_and_cancel)
            assert run(execution_id) == "cancelled"
