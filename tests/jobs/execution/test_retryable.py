"""Which errors a template wants tried again: from what it raises to the dead letter, and the reason in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobs import registry
from jobs.execution import executor
from jobs.explain import explain_execution
from jobs.models import DeadLetter, Execution, Job
from templates_registry.base import PermanentFailure
from tests.jobs.conftest import database_now
from tests.sample.job_templates import Failing

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)


class OutOfStock(ValueError):
    pass


@pytest.fixture
def raising(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], Execution]:
    """Runs a template that retries connection errors and value errors, except when the stock is empty."""
    monkeypatch.setattr(Failing, "retry_on", (ConnectionError, ValueError))
    monkeypatch.setattr(Failing, "never_retry_on", (OutOfStock,))

    def make(error: BaseException, **policies: Any) -> Execution:
        def run(*_: object) -> None:
            raise error

        monkeypatch.setattr(Failing, "run", run)
        execution_id = registry.run_now(make_job(template="failing", policies=policies), actor="user:test")
        executor.execute(execution_id, worker="w1")
        return Execution.objects.get(pk=execution_id)

    return make


Raising = Callable[..., Execution]


def answer(execution: Execution) -> str:
    return explain_execution(execution, now=database_now()).answer


@pytest.mark.parametrize("error", [ConnectionRefusedError("No."), ValueError("No.")])
def test_an_error_of_a_class_that_is_retried_waits_for_the_next_try(raising: Raising, error: Exception) -> None:
    execution = raising(error, retry_base_seconds=60)
    assert (execution.status, execution.reason) == ("queued", "retry_after_failed")
    assert "(it failed before, and waits for its next try)" in answer(execution)
    assert not DeadLetter.objects.exists()


@pytest.mark.parametrize("error", [OutOfStock("No."), KeyError("No."), PermanentFailure("No.")])
def test_an_error_of_any_other_class_is_buried_at_once(raising: Raising, error: Exception) -> None:
    execution = raising(error)
    assert (execution.status, execution.reason, execution.attempt) == ("failed", "not_retryable", 1)
    assert "this kind of error is not retried" in answer(execution)
    letter = DeadLetter.objects.get(execution_id=execution.pk)
    assert (letter.reason, letter.place) == ("not_retryable", "execution/test_retryable.py in run")
    assert letter.error_class.endswith(type(error).__qualname__)


def test_the_last_retry_ends_dead_and_says_so(raising: Raising) -> None:
    execution = raising(ValueError("No."), max_retries=1, retry_base_seconds=0)
    executor.execute(execution.pk, worker="w1")
    execution.refresh_from_db()
    assert (execution.status, execution.reason) == ("dead", "retries_used_up")
    assert "after 2 of 2 attempts: no retry is left" in answer(execution)
    assert DeadLetter.objects.get().fingerprint == execution.fingerprint
