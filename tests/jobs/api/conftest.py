"""Fixtures of the API's tests: jobs of the cast's tenants, and executions in every state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Tenant
from jobs import backfill, executions, registry
from jobs.executions import Ending
from jobs.models import (
    Attempt,
    Backfill,
    BackfillRun,
    Blackout,
    Calendar,
    DeadLetter,
    DeadLetterReplay,
    DeadLetterRun,
    Execution,
    ExecutionEvent,
    Job,
    JobRevision,
    LogLine,
    Maintenance,
    Tick,
)
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib import transactions
from tests.cast import ApiClient, Cast, ClientOf, MakeKey

JOB = {"name": "Greet", "template": "echo", "schedule": {"kind": "cron", "cron": "0 9 * * *"}}

MakeJob = Callable[..., Job]
RunJob = Callable[..., Execution]


@pytest.fixture
def job_of(cast: Cast) -> MakeJob:
    """A job of acme that greets at nine, changed by keyword."""
    numbers = iter(range(1, 1_000_000))

    def make(tenant: Tenant | None = None, *, enabled: bool = True, **changes: Any) -> Job:
        data = {**JOB, "name": f"Greet {next(numbers)}", **changes}
        return registry.create(data, tenant=tenant or cast.acme, actor="user:ana", enabled=enabled)

    return make


@pytest.fixture
def run_of() -> RunJob:
    """An execution of a job, brought to the state that is asked for."""

    def make(job: Job, state: str = "queued", **wishes: Any) -> Execution:
        execution_id = registry.run_now(job, actor="user:ana", **wishes)
        if state != "queued":
            claim = executions.claim(execution_id, worker="worker@test", lease=timedelta(seconds=60))
            assert claim is not None
            if state != "running":
                outcome = AttemptOutcome(state)
                ending = Ending(outcome, result={"text": "hello"}, error="", may_retry=False)
                if outcome is AttemptOutcome.FAILED:
                    ending = Ending(
                        outcome, error="It broke.", error_class="ValueError", traceback="Trace", may_retry=False
                    )
                with transactions.engine():
                    executions.settle(
                        ending, execution_id=execution_id, fence=claim.fence, policy=claim.policy, tries=1, losses=0
                    )
        return Execution.objects.get(pk=execution_id)

    return make


@pytest.fixture
def by_key(make_key: MakeKey, client_of: ClientOf) -> ApiClient:
    """A client with a key of acme that may do everything."""
    return client_of(make_key()[1])


def backfill_of(job: Job) -> Backfill:
    """One of two days of January that has not begun."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    return backfill.start(job, since=since, until=since + timedelta(days=2), actor="user:olaf")


@contextmanager
def untouched() -> Iterator[None]:
    """What happens inside changes no row of the engine."""
    before = _everything()
    yield
    assert _everything() == before


def _everything() -> list[Any]:
    tables = (
        *(Job, JobRevision, Tick, Execution, Attempt, ExecutionEvent, LogLine, Backfill, BackfillRun, Calendar),
        *(Blackout, Maintenance, DeadLetter, DeadLetterReplay, DeadLetterRun),
    )
    return [list(table.objects.order_by("pk").values()) for table in tables]
