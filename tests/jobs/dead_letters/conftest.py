"""Jobs whose runs end in dead letters, and a leader that takes a look when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from jobs import executions, registry
from jobs.executions import Ending
from jobs.models import DeadLetter, Execution, Job
from jobs.recovery.replays import Replays
from jobs.rules.states import AttemptOutcome
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]
ONCE = {"max_retries": 0, "overlap": "allow"}


def end(
    execution_id: int, outcome: str = "failed", *, error: str = "It broke.", error_class: str = "ValueError"
) -> None:
    """A worker takes the run, and it ends so."""
    Execution.objects.filter(pk=execution_id).update(available_at=database_now())
    claimed = executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60))
    assert claimed is not None
    fails = outcome not in ("succeeded", "cancelled")
    executions.settle(
        Ending(AttemptOutcome(outcome), error=error if fails else "", error_class=error_class if fails else ""),
        execution_id=execution_id,
        fence=claimed.fence,
        policy=claimed.policy,
        tries=claimed.tries,
        losses=claimed.losses,
    )


def bury(job: Job, **ending: str) -> DeadLetter:
    execution_id = registry.run_now(job, actor="user:test")
    end(execution_id, **ending)
    return DeadLetter.objects.get(execution_id=execution_id)


def sweep() -> int:
    return Replays().sweep()


def state_of(letter: DeadLetter) -> str:
    return DeadLetter.objects.get(pk=letter.pk).state


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job(policies=ONCE)
