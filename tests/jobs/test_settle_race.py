"""Settling an attempt in the very moment in which somebody asks for its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from jobs import executions, registry
from jobs.executions import Ending
from jobs.executions.cancelling import CANCEL_ONE
from jobs.models import Execution, Job
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib import sql
from tests.chaos.sessions import Session, is_held
from tests.live import wait_for


@pytest.mark.django_db(transaction=True)
class TestSettleRace:
    def test_cancels_a_lost_run_whose_cancelling_commits_meanwhile(self, make_job: Callable[..., Job]) -> None:
        """Queued with a wish to be cancelled, it could never be claimed, and would stand in its job's way for ever."""
        execution_id = registry.run_now(make_job(), actor="user:test")
        claim = executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60))
        assert claim is not None

        def settle() -> None:
            executions.settle(
                Ending(AttemptOutcome.LOST),
                execution_id=execution_id,
                fence=claim.fence,
                policy=claim.policy,
                tries=claim.tries,
                losses=claim.losses,
            )

        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            other.execute(
                CANCEL_ONE.encode(), {"id": execution_id, "now": sql.now(), "by": "user:test", "reason": "cancelled"}
            )
            settling = Session(settle)
            wait_for(is_held, what="the settling to wait for the cancelling")
        settling.go_on()
        assert settling.error is None
        execution = Execution.objects.get(pk=execution_id)
        assert (execution.status, execution.reason) == ("cancelled", "cancelled")
        assert [event.kind for event in execution.events.order_by("sequence")] == [
            *("queued", "started", "cancel_requested", "cancelled"),
        ]
