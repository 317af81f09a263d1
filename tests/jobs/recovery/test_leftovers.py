"""What runs kept for a next attempt, and when it is removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobs import registry
from jobs.models import Execution, Job, RunCheckpoint, RunEffect
from jobs.recovery import leftovers
from jobs.rules.states import ACTIVE
from scheduler_project.lib import sql

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("status", "kept"), [("succeeded", 0), ("queued", 1), ("running", 1), ("failed", 1), ("dead", 1)]
)
def test_a_checkpoint_stays_while_another_attempt_may_come(
    make_job: Callable[..., Job], status: str, kept: int
) -> None:
    execution_id = registry.run_now(make_job(), actor="user:test")
    finished_at = None if status in ACTIVE else sql.now()
    Execution.objects.filter(pk=execution_id).update(status=status, finished_at=finished_at, reason="test")
    _keep(execution_id)
    leftovers.sweep()
    assert (RunCheckpoint.objects.count(), RunEffect.objects.count()) == (kept, 1)


def test_nothing_stays_of_an_execution_that_is_gone(db: Any) -> None:
    _keep(999_999_999)
    assert leftovers.sweep() == 2
    assert leftovers.sweep() == 0


def test_all_of_it_goes_however_much_there_is(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "BATCH", 2)
    for number in range(5):
        _keep(999_999_000 + number)
    assert leftovers.sweep() == 10


def _keep(execution_id: int) -> None:
    RunCheckpoint.objects.create(execution_id=execution_id, fence=1, attempt=1, data={})
    RunEffect.objects.create(execution_id=execution_id, key="a", fence=1, attempt=1)
