"""Backfills on PostgreSQL: what would run, what is stored, how one is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from jobs import backfill, registry
from jobs.backfill import NOT_RUN, BackfillHasEnded, BackfillIsRunning, PlannedRun
from jobs.definition import InvalidJob
from jobs.executions import JobIsArchived
from jobs.models import Backfill, BackfillRun, Execution, Job
from jobs.recovery import backfills
from jobs.rules.schedule import occurrences
from tests.jobs.backfills import HOURLY, hours_ago, ledger_of, record
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job(schedule=HOURLY)


class TestPlan:
    def test_lists_what_the_schedule_was_due_at_with_what_became_of_it(self, job: Job) -> None:
        record(job, hours_ago(3), "fired", execution_id=7)
        record(job, hours_ago(2), "skipped", "maintenance")
        plan = backfill.plan(job, hours_ago(3), hours_ago(1))
        assert plan.runs == (
            PlannedRun(hours_ago(3), "fired", "", 7),
            PlannedRun(hours_ago(2), "skipped", "maintenance"),
            PlannedRun(hours_ago(1), "unrecorded"),
        )
        assert plan.revision == 1

    def test_includes_both_ends_and_nothing_beyond_them(self, job: Job) -> None:
        second = timedelta(seconds=1)
        assert len(backfill.plan(job, hours_ago(3), hours_ago(2)).runs) == 2
        assert len(backfill.plan(job, hours_ago(3) + second, hours_ago(2) - second).runs) == 0

    @pytest.mark.parametrize(
        ("only", "hours"),
        [(["missed"], [4]), (["skipped", "missed"], [4, 2]), (["unrecorded"], [3, 1]), ([], range(4, 0, -1))],
    )
    def test_narrows_by_outcome(self, job: Job, only: list[str], hours: list[int]) -> None:
        record(job, hours_ago(4), "missed", "misfire_none")
        record(job, hours_ago(2), "skipped", "overlap")
        found = backfill.plan(job, hours_ago(4), hours_ago(1), only=only).runs
        assert [run.due_at for run in found] == [hours_ago(count) for count in hours]

    def test_keeps_the_newest(self, job: Job) -> None:
        record(job, hours_ago(3), "missed")
        record(job, hours_ago(2), "missed")
        newest = backfill.plan(job, hours_ago(9), hours_ago(1), only=["missed"], newest=1).runs
        assert [run.due_at for run in newest] == [hours_ago(2)]
        assert len(backfill.plan(job, hours_ago(90_000), hours_ago(1), newest=1000).runs) == 1000

    def test_leaves_ticks_of_another_schedule_out(self, job: Job) -> None:
        record(job, hours_ago(2) + timedelta(minutes=5), "missed")
        assert backfill.plan(job, hours_ago(3), hours_ago(1), only=["missed"]).runs == ()

    def test_follows_the_present_schedule(self, job: Job) -> None:
        job = registry.change(job.pk, {"schedule": {**HOURLY, "cron": "0,30 * * * *"}}, actor="user:test")
        assert len(backfill.plan(job, hours_ago(2), hours_ago(1)).runs) == 3

    def test_leaves_what_is_still_to_be_decided_to_the_scheduler(self, job: Job) -> None:
        Job.objects.filter(pk=job.pk).update(next_tick_at=hours_ago(1))
        job.refresh_from_db()
        assert [run.due_at for run in backfill.plan(job, hours_ago(3), database_now()).runs] == [
            hours_ago(3),
            hours_ago(2),
        ]

    def test_refuses_too_many_and_says_up_to_where_it_would_go(self, make_job: MakeJob) -> None:
        job = make_job()
        since = hours_ago(100)
        with pytest.raises(InvalidJob) as refused:
            backfill.plan(job, since, hours_ago(1))
        (message,) = refused.value.fields["until"]
        last = since + timedelta(minutes=backfill.MOST - 1)
        assert last.isoformat().replace("+00:00", "Z") in message
        assert len(backfill.plan(job, since, last).runs) == backfill.MOST

    def test_refuses_too_many_of_the_outcomes_asked_for(self, make_job: MakeJob) -> None:
        job = make_job()
        with pytest.raises(InvalidJob, match="due 5,941 times"):
            backfill.plan(job, hours_ago(100), hours_ago(1), only=["unrecorded"])

    def test_refuses_to_walk_for_ever(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(backfill, "MOST_WALKED", 2_000)
        with pytest.raises(InvalidJob, match="more than 2,000 times"):
            backfill.plan(make_job(), hours_ago(100), hours_ago(1), only=["missed"])

    def test_refuses_a_window_that_is_none(self, job: Job) -> None:
        with pytest.raises(InvalidJob, match="Lies before"):
            backfill.plan(job, hours_ago(1), hours_ago(2))
        with pytest.raises(InvalidJob, match="Lies in the future"):
            backfill.plan(job, hours_ago(1), database_now() + timedelta(seconds=5))
        with pytest.raises(InvalidJob, match="'lost': unknown"):
            backfill.plan(job, hours_ago(2), hours_ago(1), only=["lost"])

    def test_refuses_an_archived_job(self, job: Job) -> None:
        archived = registry.archive(job.pk, actor="user:test")
        with pytest.raises(JobIsArchived):
            backfill.plan(archived, hours_ago(2), hours_ago(1))

    def test_tells_of_a_schedule_that_cannot_be_evaluated(self, job: Job) -> None:
        job.spec = {"kind": "cron", "cron": "what", "timezone": "UTC"}
        with pytest.raises(InvalidJob, match="cannot be evaluated"):
            backfill.plan(job, hours_ago(2), hours_ago(1))

    def test_says_what_an_earlier_backfill_ran(self, job: Job) -> None:
        earlier = backfill.start(job, since=hours_ago(2), until=hours_ago(2), actor="user:test")
        backfills.sweep()
        backfill.cancel(earlier.pk, actor="user:test")
        runs = backfill.plan(job, hours_ago(3), hours_ago(2)).runs
        assert [run.backfilled_by for run in runs] == [None, earlier.pk]

    def test_finds_what_a_pause_left_out(self, job: Job) -> None:
        for count in range(5, 1, -1):
            record(job, hours_ago(count), "skipped", "paused")
        record(job, hours_ago(1), "fired", execution_id=3)
        missed = backfill.plan(job, hours_ago(5), database_now(), only=NOT_RUN).runs
        assert [run.due_at for run in missed] == [hours_ago(count) for count in range(5, 1, -1)]
        assert backfill.plan(job, hours_ago(5), database_now(), only=NOT_RUN, newest=1).runs == missed[-1:]


class TestStart:
    def test_stores_just_what_the_plan_said(self, job: Job) -> None:
        plan = backfill.plan(job, hours_ago(30), hours_ago(1))
        started = backfill.start(
            job,
            since=hours_ago(30),
            until=hours_ago(1),
            actor="user:olaf",
            at_once=3,
            note="the disk was full",
            request_id="r1",
        )
        stored = Backfill.objects.get(pk=started.pk)
        assert [run.due_at for run in stored.runs.all()] == [run.due_at for run in plan.runs]
        assert [run.due_at for run in plan.runs] == list(
            occurrences(job.schedule, hours_ago(30) - timedelta(seconds=1), hours_ago(1))
        )
        assert (stored.tenant_id, stored.requested_by, stored.at_once, stored.status) == (
            job.tenant_id,
            "user:olaf",
            3,
            "running",
        )
        assert (stored.note, stored.request_id, stored.dry_run) == ("the disk was full", "r1", False)
        assert not Execution.objects.exists()

    @pytest.mark.parametrize("at_once", [0, -1, 101])
    def test_refuses_a_pace_beyond_bounds(self, job: Job, at_once: int) -> None:
        with pytest.raises(InvalidJob, match="from 1 to 100"):
            backfill.start(job, since=hours_ago(2), until=hours_ago(1), actor="user:test", at_once=at_once)

    def test_refuses_a_dry_run_that_the_template_does_not_have(self, make_job: MakeJob) -> None:
        job = make_job(template="failing", schedule=HOURLY)
        with pytest.raises(InvalidJob, match="has no dry run"):
            backfill.start(job, since=hours_ago(2), until=hours_ago(1), actor="user:test", dry_run=True)

    def test_refuses_a_window_without_anything(self, job: Job) -> None:
        with pytest.raises(InvalidJob, match="Nothing was due"):
            backfill.start(job, since=hours_ago(2), until=hours_ago(1), actor="user:test", only=["missed"])

    def test_refuses_a_second_one_of_the_same_job(self, job: Job) -> None:
        first = backfill.start(job, since=hours_ago(2), until=hours_ago(1), actor="user:test")
        with pytest.raises(BackfillIsRunning, match=f"Backfill {first.pk} of {job.name} is still running"):
            backfill.start(job, since=hours_ago(2), until=hours_ago(1), actor="user:test")
        assert BackfillRun.objects.count() == 2

    def test_runs_paused_and_disabled_jobs_too(self, make_job: MakeJob) -> None:
        for job in (make_job(schedule=HOURLY, enabled=False), registry.pause(make_job(schedule=HOURLY).pk, actor="a")):
            backfill.start(job, since=hours_ago(2), until=hours_ago(1), actor="user:test")
        assert backfills.sweep() == 2


class TestCancel:
    def test_ends_what_waits_and_lets_what_runs_go_on(self, make_job: MakeJob) -> None:
        job = make_job(schedule=HOURLY, policies={"overlap": "allow"})
        started = backfill.start(job, since=hours_ago(5), until=hours_ago(1), actor="user:test", at_once=2)
        backfills.sweep()
        running, waiting = Execution.objects.order_by("id")
        Execution.objects.filter(pk=running.pk).update(status="running")
        backfill.cancel(started.pk, actor="user:olaf")
        assert backfills.sweep() == 0
        started.refresh_from_db()
        waiting.refresh_from_db()
        assert (started.status, started.finished_at is None) == ("cancelled", False)
        assert (waiting.status, waiting.reason, waiting.cancel_requested_by) == (
            "cancelled",
            "backfill_cancelled",
            "user:olaf",
        )
        assert Execution.objects.get(pk=running.pk).cancel_requested_at is None
        assert backfill.progress(started) == backfill.Progress(
            total=5, left=3, queued=0, running=1, succeeded=0, failed=0, cancelled=1
        )

    def test_refuses_what_has_ended(self, job: Job) -> None:
        started = backfill.start(job, since=hours_ago(1), until=hours_ago(1), actor="user:test")
        backfill.cancel(started.pk, actor="user:test")
        with pytest.raises(BackfillHasEnded, match="it is cancelled"):
            backfill.cancel(started.pk, actor="user:test")

    def test_leaves_other_executions_of_the_job_alone(self, job: Job) -> None:
        manual = registry.run_now(job, actor="user:test")
        started = backfill.start(job, since=hours_ago(1), until=hours_ago(1), actor="user:test")
        backfills.sweep()
        backfill.cancel(started.pk, actor="user:test")
        assert Execution.objects.get(pk=manual).status == "queued"


def test_changes_no_tick(job: Job) -> None:
    for count, outcome in enumerate(("missed", "skipped", "coalesced"), 1):
        record(job, hours_ago(count), outcome)
    before = ledger_of(job), Job.objects.values().get(pk=job.pk)
    backfill.plan(job, hours_ago(5), hours_ago(1))
    started = backfill.start(job, since=hours_ago(5), until=hours_ago(1), actor="user:test", at_once=5)
    backfills.sweep()
    backfill.cancel(started.pk, actor="user:test")
    assert (ledger_of(job), Job.objects.values().get(pk=job.pk)) == before
