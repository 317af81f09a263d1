"""Fixtures of the tests of dependencies: runs that end as a test says, without a template that runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jobs import dependencies, executions, registry
from jobs.executions import Ending
from jobs.models import Dependency, Execution, Job, Succession
from jobs.rules.states import AttemptOutcome

MakeJob = Callable[..., Job]
Connect = Callable[..., Dependency]
OUTCOMES = {"succeeded": AttemptOutcome.SUCCEEDED, "dead": AttemptOutcome.FAILED, "failed": AttemptOutcome.FAILED}


@pytest.fixture
def make_manual(make_job: MakeJob) -> MakeJob:
    """A job without a schedule, which runs side by side."""

    def make(name: str, **changes: Any) -> Job:
        policies = {"overlap": "allow", "max_retries": 0, **changes.pop("policies", {})}
        return make_job(name=name, schedule={"kind": "manual"}, policies=policies, **changes)

    return make


@pytest.fixture
def connect() -> Connect:
    def connect(upstream: Job, downstream: Job, **data: Any) -> Dependency:
        return dependencies.add(upstream.pk, downstream.pk, data, actor="user:test")

    return connect


def run(job: Job, **options: Any) -> int:
    return registry.run_now(job, actor="user:test", **options)


def settle(execution_id: int, ending: str = "succeeded", *, result: Any = None) -> None:
    """End a queued run without telling anybody, as a process that is killed right after its commit would."""
    if ending == "cancelled":
        executions.cancel(execution_id, by="user:test", now=Execution.objects.get(pk=execution_id).created_at)
        return
    claim = executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60))
    assert claim is not None, f"execution {execution_id} is not to be had"
    settled = executions.settle(
        Ending(OUTCOMES[ending], result=result, may_retry=False),
        execution_id=execution_id,
        fence=claim.fence,
        policy=claim.policy,
        tries=claim.tries,
        losses=claim.losses,
    )
    assert settled is not None


def end(execution_id: int, ending: str = "succeeded", *, result: Any = None) -> list[int]:
    """End a queued run and release what follows it."""
    settle(execution_id, ending, result=result)
    return dependencies.release(execution_id)


def outcomes(execution_id: int) -> list[tuple[str, str, str]]:
    """What the end of an execution came to: downstream, outcome and reason."""
    found = Succession.objects.filter(upstream_execution_id=execution_id).select_related("dependency__downstream")
    return [(row.dependency.downstream.name, row.outcome, row.reason) for row in found.order_by("dependency")]


def runs_of(job: Job) -> list[Execution]:
    return list(Execution.objects.filter(job=job).order_by("pk"))
