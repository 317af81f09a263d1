"""An adopted row all the way: seen, due, claimed, sent to a real broker, noted in the row."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django_celery_beat.models import PeriodicTask

from jobs import beat_sync, ledger, registry
from jobs.execution import executor
from jobs.models import Execution, Job, Tick
from jobs.recovery.resync import Resync
from jobs.tick.service import Service
from tests.jobs.beat_sync.conftest import MakeRow, every, job_of
from tests.jobs.conftest import database_now

pytestmark = pytest.mark.django_db(transaction=True)


def fire(row: PeriodicTask) -> int:
    """Let the row's next occurrence come due; the id of the execution."""
    job = job_of(row)
    now = database_now()
    Job.objects.filter(pk=job.pk).update(spec={**job.spec, "anchor": now.isoformat()}, next_tick_at=now)
    with transaction.atomic():
        ledger.decide_due(now=now + timedelta(milliseconds=1), epoch=1)
    execution_id = Tick.objects.filter(job=job).latest("due_at").execution_id
    assert execution_id is not None
    return execution_id


class TestAdoptedRun:
    def test_sends_the_task_and_says_that_it_was_sent(self, resync: Resync, make_row: MakeRow, broker: Any) -> None:
        row = make_row(
            name="Reports",
            task="reports.build",
            args="[1]",
            kwargs='{"region": "eu"}',
            queue="reports",
            priority=9,
            headers='{"x-by": "beat"}',
            expire_seconds=120,
        )
        resync.sweep()
        execution_id = fire(row)
        assert executor.execute(execution_id, worker="w1") == "succeeded"
        execution = Execution.objects.get(pk=execution_id)
        assert execution.result is not None
        assert execution.result["note"].startswith("The broker took the message.")
        message = broker.basic_get("reports", no_ack=True)
        assert message.decode()[:2] == [[1], {"region": "eu"}]
        assert message.headers["task"] == "reports.build"
        assert message.headers["id"] == str(execution.run_key) == execution.result["task_id"]
        assert (message.headers["x-by"], message.headers["periodic_task_name"]) == ("beat", "Reports")
        assert message.properties["priority"] == 9
        assert execution.scheduled_for is not None
        assert message.headers["expires"] == (execution.scheduled_for + timedelta(seconds=120)).isoformat()
        assert execution.start_deadline_at == execution.scheduled_for + timedelta(seconds=120)
        resync.sweep()
        row.refresh_from_db()
        assert (row.total_run_count, row.last_run_at) == (1, execution.scheduled_for)

    def test_runs_what_the_row_said_when_it_was_due(self, resync: Resync, make_row: MakeRow, broker: Any) -> None:
        row = make_row(args='["before"]', queue="q")
        resync.sweep()
        execution_id = fire(row)
        row.args = '["after"]'
        row.save()
        resync.sweep()
        assert executor.execute(execution_id, worker="w1") == "succeeded"
        assert broker.basic_get("q", no_ack=True).decode()[0] == ["before"]

    def test_by_hand_sends_it_as_well(self, resync: Resync, make_row: MakeRow, broker: Any) -> None:
        row = make_row(queue="q", enabled=False)
        resync.sweep()
        execution_id = registry.run_now(job_of(row), actor="user:ana")
        assert executor.execute(execution_id, worker="w1") == "succeeded"
        assert broker.basic_get("q", no_ack=True) is not None

    def test_of_a_row_that_cannot_be_read_sends_nothing(self, resync: Resync, make_row: MakeRow, broker: Any) -> None:
        row = make_row(args="[1,", queue="q")
        resync.sweep()
        execution_id = registry.run_now(job_of(row), actor="user:ana")
        assert executor.execute(execution_id, worker="w1") == "failed"
        assert "task: is required" in Execution.objects.get(pk=execution_id).error
        assert broker.basic_get("q", no_ack=True) is None


class TestService:
    def test_sees_a_saved_row_within_five_seconds(
        self, make_row: MakeRow, tenant: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(beat_sync, "install", lambda: None)
        service = Service()
        service.start()
        try:
            leads = wait_for(lambda: service.turn.take() and service.turn.leader.is_leading, seconds=10)
            assert leads
            first = make_row(interval=every(1, "hours"))
            assert wait_for(lambda: _has_job(service, first), seconds=10)  # the loops have found their pace
            second = make_row(interval=every(1, "hours"))
            assert wait_for(lambda: _has_job(service, second), seconds=5)
            PeriodicTask.objects.get(pk=second.pk).delete()
            assert wait_for(lambda: service.turn.take() and _is_archived(second), seconds=5)
        finally:
            service.stop()


def _has_job(service: Service, row: PeriodicTask) -> bool:
    service.turn.take()
    return Job.objects.filter(periodic_task_id=row.pk).exists()


def _is_archived(row: PeriodicTask) -> bool:
    return Job.objects.filter(name=row.name, archived_at__isnull=False).exists()


def wait_for(condition: Callable[[], object], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
