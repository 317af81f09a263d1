"""Stock beat as a last resort: its own scheduler class, the rows of native jobs, a real broker, our task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from jobs import registry
from jobs.execution import last_resort
from jobs.models import Execution, Job, SchedulerLease
from jobs.rules.states import Mode
from jobs.tasks import run_job
from jobs.tick.leader import Leader
from tests.jobs.beat_sync.conftest import Events

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)


def run(job_id: int) -> Execution | None:
    """As a worker does with the message."""
    run_job.apply(kwargs={"job_id": job_id})
    return Execution.objects.filter(job_id=job_id).order_by("-id").first()


class TestStockBeat:
    def test_sends_the_rows_of_native_jobs_and_they_run(self, make_job: MakeJob, broker: Any) -> None:
        job = make_job(queue="reports", schedule={"kind": "interval", "every_seconds": 60})
        PeriodicTask.objects.update(last_run_at=PeriodicTask.objects.get().last_run_at - timedelta(seconds=61))
        beat: Any = DatabaseScheduler(app=current_app, lazy=True)
        entry = next(entry for entry in beat.all_as_schedule().values() if entry.task == "scheduler.run_job")
        assert entry.is_due().is_due
        beat.apply_async(entry, advance=False)
        message = broker.basic_get("reports", no_ack=True)
        args, kwargs, _ = message.decode()
        assert (args, kwargs, message.headers["task"]) == ([], {"job_id": job.pk}, "scheduler.run_job")
        execution = run(kwargs["job_id"])
        assert execution is not None
        assert (execution.status, execution.trigger, execution.requested_by) == (
            "succeeded", "manual", "system:stock-beat",
        )  # fmt: skip
        assert execution.scheduled_for is None


class TestMessageThatNamesAJob:
    def test_runs_it_outside_the_ledger_and_says_so(self, make_job: MakeJob, events: Events) -> None:
        job = make_job()
        execution = run(job.pk)
        assert execution is not None
        assert execution.result == {"text": "hello", "attempt": 1}
        assert ("beat.message_ran", {"job_id": job.pk, "execution_id": execution.pk}) in events
        assert not job.ticks.exists()

    def test_is_refused_while_our_scheduler_leads(self, make_job: MakeJob, events: Events) -> None:
        job = make_job()
        assert Leader("us", ttl=timedelta(minutes=1)).keep()
        assert run(job.pk) is None
        assert ("beat.message_refused", {"job_id": job.pk, "reason": "scheduler_leads"}) in events
        SchedulerLease.objects.update(expires_at=None)
        assert run(job.pk) is not None

    @pytest.mark.parametrize(
        ("verb", "reason"),
        [(registry.pause, "paused"), (registry.disable, "disabled"), (registry.archive, "archived")],
    )
    def test_is_refused_when_the_job_is_not_at_work(
        self, make_job: MakeJob, events: Events, verb: Callable[..., Job], reason: str
    ) -> None:
        job = make_job()
        verb(job.pk, actor="user:ana")
        assert run(job.pk) is None
        assert ("beat.message_refused", {"job_id": job.pk, "reason": reason}) in events

    def test_is_refused_when_the_job_is_only_observed(self, make_job: MakeJob, events: Events) -> None:
        job = make_job()
        registry.set_mode(job.pk, Mode.OBSERVE, actor="user:ana")
        assert run(job.pk) is None

    def test_keeps_to_the_overlap_policy(self, make_job: MakeJob, events: Events) -> None:
        job = make_job()
        registry.run_now(job, actor="user:ana")
        assert last_resort.start(job.pk) is None
        assert ("beat.message_refused", {"job_id": job.pk, "reason": "overlap"}) in events

    def test_replaces_an_earlier_run_where_the_policy_says_so(self, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "replace"})
        earlier = registry.run_now(job, actor="user:ana")
        assert last_resort.start(job.pk) is not None
        assert Execution.objects.get(pk=earlier).reason == "replaced"

    def test_of_an_unknown_job_is_refused(self, events: Events) -> None:
        assert run(999_999) is None
        assert ("beat.message_refused", {"job_id": 999_999, "reason": "unknown_job"}) in events

    def test_without_anything_does_nothing(self) -> None:
        run_job.apply()
        assert not Execution.objects.exists()
