"""Several who change many runs at the same moment: each waits for the other, or goes on, and none is turned away."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from django.db import connection

from jobs import executions, registry
from jobs.executions.priority import CHANGE
from jobs.models import Execution, Job
from jobs.tick import publisher
from scheduler_project.lib import sql
from tests.chaos.sessions import Session, is_held
from tests.jobs.tick.test_publisher import Recorder
from tests.live import wait_for

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queued(make_job: MakeJob) -> list[int]:
    """The first in the table is the last in the order of ids: its row was written anew."""
    job = make_job(policies={"overlap": "queue_all"})
    ids = [registry.run_now(job, actor="user:test") for _ in range(3)]
    sql.rows("UPDATE job_executions SET available_at = available_at WHERE id = %(id)s", {"id": ids[0]})
    return ids


class TestLockOrder:
    def test_lets_a_cancelling_wait_for_a_change_of_priority(self, queued: list[int]) -> None:
        job_id = Execution.objects.get(pk=queued[0]).job_id
        assert job_id is not None

        def cancel() -> None:
            executions.cancel_waiting(job_id=job_id, by="user:test", now=sql.now(), reason="archived")

        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            values = {"ids": queued[:1], "priority": 0, "by": "user:test", "now": sql.now()}
            other.execute(CHANGE.encode(), values)
            cancelling = Session(cancel)
            wait_for(is_held, what="the cancelling to wait for the change of priority")
            other.execute(CHANGE.encode(), {**values, "ids": queued})
        cancelling.go_on()
        assert cancelling.error is None
        assert set(Execution.objects.values_list("status", "priority")) == {("cancelled", 0)}

    def test_lets_the_announcing_pass_what_somebody_else_changes(self, queued: list[int]) -> None:
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            values = {"ids": queued[:1], "priority": 0, "by": "user:test", "now": sql.now()}
            other.execute(CHANGE.encode(), values)
            sql.script("SET lock_timeout = '1s'")
            publisher.publish_waiting(Recorder())
            other.execute(CHANGE.encode(), {**values, "ids": queued})
        publisher.publish_waiting(Recorder())
        assert Execution.objects.get(pk=queued[0]).published_at is not None

    def test_cancels_what_was_claimed_meanwhile_as_a_running_one(self, queued: list[int]) -> None:
        def cancel() -> None:
            executions.cancel(queued[0], by="user:test", now=sql.now())

        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            other.execute("UPDATE job_executions SET status = 'running' WHERE id = %s", [queued[0]])
            cancelling = Session(cancel)
            wait_for(is_held, what="the cancelling to wait for the claim")
        cancelling.go_on()
        assert cancelling.error is None
        execution = Execution.objects.get(pk=queued[0])
        assert (execution.status, execution.reason, execution.finished_at) == ("running", "", None)
        assert execution.cancel_requested_at is not None
