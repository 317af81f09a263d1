"""Changing the level of what waits: it counts for the next claim, announced or not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from jobs import executions, registry
from jobs.models import Execution, ExecutionEvent, Job
from jobs.rules.states import PRIORITIES
from jobs.tick import publisher
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]
CRITICAL, HIGH, NORMAL, LOW = (PRIORITIES[name] for name in ("critical", "high", "normal", "low"))

pytestmark = pytest.mark.django_db


def queue_runs(make_job: MakeJob, count: int) -> list[int]:
    job = make_job(policies={"overlap": "allow"})
    return [registry.run_now(job, actor="user:test") for _ in range(count)]


def change(ids: list[int], priority: int) -> list[int]:
    return executions.change_priority(ids, priority=priority, by="user:ana", now=database_now())


def claim_next() -> int:
    claimed = executions.claim_next(["default"], worker="w", lease=timedelta(seconds=60))
    assert claimed is not None
    return claimed.execution_id


class TestChangePriority:
    def test_counts_for_what_is_announced_already(self, make_job: MakeJob) -> None:
        first, second, third = queue_runs(make_job, 3)
        assert publisher.publish_waiting() == 3
        assert change([third], CRITICAL) == [third]
        assert change([first], LOW) == [first]
        assert [claim_next() for _ in range(3)] == [third, second, first]

    def test_is_an_event_with_both_levels(self, make_job: MakeJob) -> None:
        (run,) = queue_runs(make_job, 1)
        change([run], HIGH)
        event = ExecutionEvent.objects.get(execution_id=run, kind="priority_changed")
        assert event.data == {"by": "user:ana", "from": NORMAL, "to": HIGH}

    def test_leaves_alone_what_runs_what_is_over_and_what_has_it(self, make_job: MakeJob) -> None:
        running, over, same, queued = queue_runs(make_job, 4)
        assert executions.claim(running, worker="w", lease=timedelta(seconds=60))
        executions.cancel(over, by="user:test", now=database_now())
        change([same], LOW)
        assert change([running, over, same, queued, 10**12], LOW) == [queued]
        levels = dict(Execution.objects.values_list("pk", "priority"))
        assert levels == {running: NORMAL, over: NORMAL, same: LOW, queued: LOW}
