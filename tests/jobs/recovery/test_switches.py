"""Switches that go over by themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import maintenance, registry
from jobs.definition import InvalidJob
from jobs.execution import executor
from jobs.executions import JobIsArchived
from jobs.models import Execution, Job, JobRevision, Maintenance, Tick
from jobs.recovery import projections, switches
from jobs.recovery.switches import Switches
from scheduler_project.lib import sql, telemetry
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)

FAILING = {"template": "failing", "parameters": {"permanent": True}}


def run(job: Job, *, times: int = 1, **wishes: Any) -> None:
    for _ in range(times):
        executor.execute(registry.run_now(job, actor="user:test", **wishes), worker="w")
    projections.sweep()


def fail_in_row(job: Job, count: int) -> None:
    Job.objects.filter(pk=job.pk).update(failures_in_row=count)


def paused_until_a_minute_ago(job: Job) -> None:
    registry.pause(job.pk, actor="user:ana", note="upgrade", until=database_now() + timedelta(hours=1))
    Job.objects.filter(pk=job.pk).update(paused_until=database_now() - timedelta(minutes=1))


class TestPauseUntil:
    def test_ends_by_itself(self, make_job: MakeJob) -> None:
        job = make_job()
        paused_until_a_minute_ago(job)
        assert Switches().sweep() == 1
        job.refresh_from_db()
        revision = JobRevision.objects.filter(job=job).latest("number")
        assert (job.paused_at, job.paused_until, job.paused_by, job.pause_note) == (None, None, "", "")
        assert (revision.change, revision.actor) == ("resumed", "system:pause_end")

    def test_refuses_an_end_that_some_zones_have_no_year_for(self, make_job: MakeJob) -> None:
        with pytest.raises(InvalidJob, match="Lies after 2199"):
            registry.pause(make_job().pk, actor="user:ana", until=datetime(9999, 12, 31, 23, tzinfo=UTC))
        with pytest.raises(maintenance.InvalidMaintenance, match="Lies after 2199"):
            maintenance.start(actor="user:ana", note="Disks", until=datetime(9999, 12, 31, 23, tzinfo=UTC))

    def test_lasts_until_then(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.pause(job.pk, actor="user:ana", until=database_now() + timedelta(minutes=1))
        registry.pause(make_job().pk, actor="user:ana")
        assert Switches().sweep() == 0
        job.refresh_from_db()
        assert job.is_paused

    def test_yields_to_somebody_who_moved_its_end(self, make_job: MakeJob) -> None:
        """The loser: found as overdue, prolonged before it was locked."""
        job = make_job()
        paused_until_a_minute_ago(job)
        until = database_now() + timedelta(hours=2)
        registry.pause(job.pk, actor="user:bob", until=until)
        switches.resume(job.pk)
        job.refresh_from_db()
        assert (job.paused_until, job.paused_by) == (until, "user:bob")

    def test_fires_what_was_due_between_its_end_and_the_sweep(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 10})
        registry.pause(job.pk, actor="user:ana", until=database_now() + timedelta(hours=1))
        since = database_now() - timedelta(seconds=25)
        spec = {**job.spec, "anchor": since.isoformat()}
        until = since + timedelta(seconds=15)
        Job.objects.filter(pk=job.pk).update(spec=spec, next_tick_at=since, paused_until=until)
        assert Switches().sweep() == 1
        ticks = Tick.objects.filter(job=job).order_by("due_at").values_list("outcome", "reason")
        assert list(ticks) == [("skipped", "paused"), ("skipped", "paused"), ("fired", "")]


class TestFailuresInRow:
    def test_pause_the_job_and_name_their_number_and_the_last_error(self, make_job: MakeJob) -> None:
        job = make_job(policies={"pause_after_failures": 2, "overlap": "allow"}, **FAILING)
        run(job)
        assert Switches().sweep() == 0
        run(job)
        assert Switches().sweep() == 1
        job.refresh_from_db()
        error = Execution.objects.filter(job=job).latest("id").error_class
        assert error
        assert (job.paused_by, job.pause_note) == (
            "system:failures",
            f"2 failures in a row, the last one {error}.",
        )
        assert Switches().sweep() == 0

    def test_never_pause_a_job_without_a_limit(self, make_job: MakeJob) -> None:
        fail_in_row(make_job(), 1_000)
        assert Switches().sweep() == 0

    def test_begin_anew_when_the_job_is_resumed(self, make_job: MakeJob) -> None:
        job = make_job(policies={"pause_after_failures": 1}, **FAILING)
        run(job)
        Switches().sweep()
        registry.resume(job.pk, actor="user:ana")
        assert Switches().sweep() == 0
        run(job)
        assert Switches().sweep() == 1

    def test_yield_to_a_success_that_came_before_the_lock(self, make_job: MakeJob) -> None:
        """The loser: found as failing, and it succeeded before it was locked."""
        job = make_job(policies={"pause_after_failures": 1})
        fail_in_row(job, 3)
        run(job)
        switches.pause(job.pk)
        job.refresh_from_db()
        assert (job.is_paused, job.failures_in_row) == (False, 0)

    def test_leave_alone_who_is_paused_by_hand(self, make_job: MakeJob) -> None:
        job = make_job(policies={"pause_after_failures": 1})
        registry.pause(job.pk, actor="user:ana", note="mine")
        fail_in_row(job, 3)
        assert Switches().sweep() == 0
        switches.pause(job.pk)
        job.refresh_from_db()
        assert (job.paused_by, job.pause_note) == ("user:ana", "mine")

    def test_of_an_archived_job_count_nothing(self, make_job: MakeJob) -> None:
        job = make_job(policies={"pause_after_failures": 1})
        registry.archive(job.pk, actor="user:ana")
        fail_in_row(job, 3)
        assert Switches().sweep() == 0
        with pytest.raises(JobIsArchived):
            switches.pause(job.pk)


class TestOneBadJob:
    def test_stops_no_other_and_rests(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        bad, good = make_job(), make_job()
        for job in (bad, good):
            paused_until_a_minute_ago(job)
        Job.objects.filter(pk=bad.pk).update(spec={"kind": "cron", "cron": "what", "timezone": "UTC"})
        told: list[int] = []

        def hear(event: str, fields: dict[str, Any]) -> None:
            if event == "job.switch_failed":
                told.append(fields["job_id"])

        monkeypatch.setattr(telemetry, "_listeners", [hear])
        leader = Switches()
        assert [leader.sweep(), leader.sweep()] == [1, 0]
        good.refresh_from_db()
        assert (good.is_paused, told) == (False, [bad.pk])

    def test_whose_stored_limit_is_no_number_stops_no_other(self, make_job: MakeJob) -> None:
        bad, good = make_job(), make_job(policies={"pause_after_failures": 1})
        Job.objects.filter(pk=bad.pk).update(policy={"pause_after_failures": True})
        for job in (bad, good):
            fail_in_row(job, 2)
        Switches().sweep()
        good.refresh_from_db()
        assert good.is_paused


class TestMaintenance:
    def test_is_over_at_its_end(self) -> None:
        window = maintenance.start(actor="user:root", note="x", until=database_now() + timedelta(hours=1))
        until = database_now() - timedelta(seconds=1)
        Maintenance.objects.update(started_at=until - timedelta(hours=1), until=until)
        assert Switches().sweep() == 1
        window.refresh_from_db()
        assert (window.ended_at, window.ended_by) == (until, "system:maintenance_end")


class TestLookups:
    def test_use_their_indexes_among_many_jobs(self, make_job: MakeJob) -> None:
        job = make_job(policies={"pause_after_failures": 3})
        own = ("id", "slug", "periodic_task_id")
        names = ", ".join(str(field.column) for field in Job._meta.concrete_fields if field.column not in own)
        sql.rows(
            f"INSERT INTO dynamic_jobs (slug, {names}) SELECT 'copy-' || n, {names} FROM dynamic_jobs, "
            f"generate_series(1, 20000) n WHERE id = {job.pk}"
        )
        sql.rows("ANALYZE dynamic_jobs")
        for found, index in (
            (switches.overdue_pauses(database_now()), "jobs_paused_until"),
            (switches.failing_too_often(), "jobs_failing_in_row"),
        ):
            plan = found.values_list("pk", flat=True)[:100].explain()
            assert index in plan, plan
            assert "Seq Scan" not in plan, plan
