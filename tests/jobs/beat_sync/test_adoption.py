"""Rows that others make in django-celery-beat's own admin, and the jobs that follow them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django.db.models import F
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)

from accounts.models import Tenant
from jobs import beat_sync, registry
from jobs.definition import InvalidJob
from jobs.models import BeatRow, Job, JobRevision, Tick
from jobs.recovery import adoption
from jobs.recovery.resync import Resync
from jobs.rules.states import Mode
from templates_registry.models import TaskFunction
from tests.jobs.beat_sync.conftest import (
    Admin,
    Clock,
    Commit,
    Events,
    MakeRow,
    both_admins,
    crontab,
    every,
    job_of,
    names,
)
from tests.jobs.conftest import database_now

pytestmark = pytest.mark.django_db


def make_undecided(job: Job, *, seconds: float) -> None:
    """As if no scheduler had decided anything for that long."""
    since = database_now() - timedelta(seconds=seconds)
    Job.objects.filter(pk=job.pk).update(spec={**job.spec, "anchor": since.isoformat()}, next_tick_at=since)


def outcomes(job: Job) -> list[tuple[str, str]]:
    return [(tick.outcome, tick.reason) for tick in Tick.objects.filter(job=job).order_by("due_at")]


@both_admins
class TestAdmin:
    def test_new_row_becomes_a_job(self, admin: Admin, resync: Resync) -> None:
        admin.add(
            "crontabschedule",
            minute="30", hour="2", day_of_month="*", month_of_year="*", day_of_week="1-5", timezone="Europe/Berlin",
        )  # fmt: skip
        row = admin.add_task(
            name="Nightly report",
            task="reports.build",
            crontab=CrontabSchedule.objects.get().pk,
            args="[1]",
            kwargs='{"region": "eu"}',
            queue="reports",
            priority="3",
            description="For the board.",
        )
        resync.sweep()
        job = job_of(row)
        assert (job.name, job.slug, job.description) == ("Nightly report", "nightly-report", "For the board.")
        assert (job.origin, job.template.name, job.tenant.slug, job.mode) == (
            "adopted",
            "celery_task",
            "default",
            "live",
        )
        assert (job.schedule.cron, job.schedule.timezone) == ("30 2 * * 1-5", "Europe/Berlin")
        assert job.parameters == {
            "task": "reports.build", "args": [1], "kwargs": {"region": "eu"}, "queue": "reports", "priority": 3,
        }  # fmt: skip
        assert job.next_tick_at is not None
        assert job.next_tick_at > database_now()
        assert (job.queue, job.is_enabled, job.revision) == ("default", True, 1)
        assert JobRevision.objects.get(job=job).change == "adopted"

    def test_edit_is_followed_as_a_new_revision(self, admin: Admin, resync: Resync, make_row: MakeRow) -> None:
        row = make_row()
        resync.sweep()
        job = job_of(row)
        make_undecided(job, seconds=90)
        admin.change_task(row, name="Renamed", kwargs='{"x": 1}', interval=every(2, "hours").pk)
        resync.sweep()
        after = job_of(row)
        assert (after.pk, after.name, after.slug) == (job.pk, "Renamed", job.slug)
        assert (after.parameters["kwargs"], after.schedule.every_seconds) == ({"x": 1}, 7200)
        assert after.revision == 2
        # What was due before is decided under the definition of then.
        assert outcomes(job) == [("coalesced", "misfire_last"), ("fired", "")]
        assert {tick.revision for tick in Tick.objects.filter(job=job)} == {1}

    def test_disabled_row_disables_the_job_and_misses_what_was_undecided(
        self, admin: Admin, resync: Resync, make_row: MakeRow
    ) -> None:
        row = make_row()
        resync.sweep()
        make_undecided(job_of(row), seconds=30)
        admin.change_task(row, enabled=None)
        resync.sweep()
        job = job_of(row)
        assert (job.is_enabled, job.next_tick_at) == (False, None)
        assert outcomes(job) == [("missed", "disabled_at_tick")]
        assert JobRevision.objects.filter(job=job).latest("number").change == "disabled"

    def test_enabled_row_goes_on_with_the_next_occurrence(
        self, admin: Admin, resync: Resync, make_row: MakeRow
    ) -> None:
        row = make_row(enabled=False)
        resync.sweep()
        assert job_of(row).next_tick_at is None
        admin.change_task(row, enabled="on")
        resync.sweep()
        job = job_of(row)
        assert job.is_enabled
        assert job.next_tick_at is not None
        assert job.next_tick_at > database_now()
        assert not Tick.objects.exists()

    @pytest.mark.parametrize("bulk", ["disable_tasks", "toggle_tasks"])
    def test_bulk_actions_are_seen_at_once(self, admin: Admin, resync: Resync, make_row: MakeRow, bulk: str) -> None:
        rows = [make_row() for _ in range(3)]
        resync.sweep()
        admin.act(bulk, *rows)
        resync.sweep()
        assert {job_of(row).is_enabled for row in rows} == {False}
        admin.act("enable_tasks", *rows)
        resync.sweep()
        assert {job_of(row).is_enabled for row in rows} == {True}

    def test_deleted_row_archives_the_job_and_keeps_its_ledger(
        self, admin: Admin, resync: Resync, make_row: MakeRow
    ) -> None:
        row = make_row()
        resync.sweep()
        job = job_of(row)
        make_undecided(job, seconds=90)
        admin.delete("periodictask", row.pk)
        resync.sweep()
        job.refresh_from_db()
        assert job.archived_at is not None
        assert (job.periodic_task_id, job.next_tick_at) == (None, None)
        assert outcomes(job) == [("missed", "archived_at_tick")] * 2
        assert JobRevision.objects.filter(job=job).latest("number").change == "archived"

    def test_deleted_in_bulk_are_all_archived(self, admin: Admin, resync: Resync, make_row: MakeRow) -> None:
        rows = [make_row() for _ in range(3)]
        resync.sweep()
        admin.act("delete_selected", *rows, post="yes")
        resync.sweep()
        assert Job.objects.filter(archived_at=None).count() == 0

    def test_deleted_schedule_takes_its_rows_and_their_jobs_along(self, admin: Admin, resync: Resync) -> None:
        schedule = crontab("0 9 * * *")
        row = admin.add_task(name="x", task="a.b", crontab=schedule.pk)
        resync.sweep()
        job = job_of(row)
        admin.delete("crontabschedule", schedule.pk)
        resync.sweep()
        job.refresh_from_db()
        assert job.archived_at is not None

    def test_edited_schedule_changes_every_job_that_uses_it(self, admin: Admin, resync: Resync) -> None:
        schedule = every(5, "minutes")
        rows = [admin.add_task(name=name, task="a.b", interval=schedule.pk) for name in "xy"]
        resync.sweep()
        admin.change("intervalschedule", schedule.pk, every="7", period="minutes", **_no_inlines(rows))
        resync.sweep()
        assert {job_of(row).schedule.every_seconds for row in rows} == {420}

    def test_clocked_row_runs_once(self, admin: Admin, resync: Resync) -> None:
        at = {"clocked_time": "2150-06-01T12:00:00", "clocked_time_0": "2150-06-01", "clocked_time_1": "12:00:00"}
        admin.add("clockedschedule", **at)
        row = admin.add_task(name="x", task="a.b", clocked=ClockedSchedule.objects.get().pk, one_off="on")
        resync.sweep()
        job = job_of(row)
        assert (job.schedule.kind, job.policies.max_runs) == ("once", 1)
        assert job.next_tick_at == datetime(2150, 6, 1, 12, tzinfo=UTC)

    def test_solar_row_is_a_job_that_says_why_it_does_not_run(
        self, admin: Admin, resync: Resync, events: Events, django_capture_on_commit_callbacks: Commit
    ) -> None:
        admin.add("solarschedule", event="sunrise", latitude="52", longitude="13")
        row = admin.add_task(name="x", task="a.b", solar=SolarSchedule.objects.get().pk)
        with django_capture_on_commit_callbacks(execute=True):
            resync.sweep()
        job = job_of(row)
        assert "Solar schedules are not supported" in job.problem
        assert (job.next_tick_at, job.schedule.kind) == (None, "manual")
        assert names(events) == ["beat.row_quarantined", "beat.unlisted_task_adopted"]


def _no_inlines(rows: list[PeriodicTask]) -> dict[str, object]:
    """The inline of a schedule's page lists its rows, read-only."""
    form: dict[str, object] = {"periodictask_set-TOTAL_FORMS": len(rows), "periodictask_set-INITIAL_FORMS": len(rows)}
    for number, row in enumerate(rows):
        form |= {f"periodictask_set-{number}-id": row.pk, f"periodictask_set-{number}-interval": row.interval_id}
    return form


class TestFirstSight:
    def test_catches_nothing_up(self, resync: Resync, make_row: MakeRow) -> None:
        last_week = database_now() - timedelta(days=7)
        row = make_row(last_run_at=last_week, start_time=last_week)
        resync.sweep()
        job = job_of(row)
        assert job.next_tick_at is not None
        assert job.next_tick_at > database_now()

    def test_of_a_clocked_row_in_the_past_runs_nothing(self, resync: Resync, make_row: MakeRow) -> None:
        clocked = ClockedSchedule.objects.create(clocked_time=database_now() - timedelta(seconds=30))
        row = make_row(clocked=clocked, one_off=True)
        resync.sweep()
        assert job_of(row).next_tick_at is None

    def test_keeps_what_came_due_between_saving_and_seeing(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row(interval=every(1, "seconds"))
        saved_at = database_now() - timedelta(seconds=3)
        PeriodicTask.objects.filter(pk=row.pk).update(date_changed=saved_at)
        resync._compared_at = saved_at - timedelta(seconds=60)
        resync.sweep()
        job = job_of(row)
        assert job.next_tick_at is not None
        assert saved_at <= job.next_tick_at <= saved_at + timedelta(seconds=2)
        assert JobRevision.objects.get(job=job).valid_from <= job.next_tick_at

    def test_of_a_new_leader_takes_now(self, tenant: Tenant, make_row: MakeRow, clock: Clock) -> None:
        row = make_row(interval=every(1, "seconds"))
        PeriodicTask.objects.filter(pk=row.pk).update(date_changed=database_now() - timedelta(days=1))
        Resync(clock=clock).sweep()
        job = job_of(row)
        assert job.next_tick_at is not None
        assert job.next_tick_at > JobRevision.objects.get(job=job).valid_from > row.date_changed


class TestPolicies:
    def test_one_off_row_runs_at_most_once(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row(one_off=True)
        resync.sweep()
        assert job_of(row).policies.max_runs == 1

    def test_expire_seconds_are_the_start_deadline(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row(expire_seconds=90)
        resync.sweep()
        assert job_of(row).policies.start_deadline_seconds == 90

    def test_of_the_operators_stay_when_the_row_changes(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row()
        resync.sweep()
        changes = {"policies": {"misfire": "all"}, "tags": ["ours"], "description": "Ours.", "queue": "other"}
        registry.change(job_of(row).pk, changes, actor="user:ana")
        row.task = "elsewhere.other"
        row.save()
        resync.sweep()
        job = job_of(row)
        assert (job.policies.misfire, job.tags, job.description, job.queue) == ("all", ["ours"], "Ours.", "other")
        assert job.parameters["task"] == "elsewhere.other"


class TestReadOnlyFields:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": "x"}, "name"),
            ({"schedule": {"kind": "manual"}}, "schedule"),
            ({"parameters": {"task": "other"}}, "parameters"),
            ({"template": "echo", "parameters": {}}, "template"),
            ({"policies": {"max_runs": 5}}, "policies.max_runs"),
            ({"policies": {"start_deadline_seconds": 5}}, "policies.start_deadline_seconds"),
        ],
    )
    def test_are_changed_in_the_row(
        self, resync: Resync, make_row: MakeRow, changes: dict[str, object], field: str
    ) -> None:
        row = make_row()
        resync.sweep()
        with pytest.raises(registry.JobIsAdopted) as caught:
            registry.change(job_of(row).pk, changes, actor="user:ana")
        assert field in caught.value.fields
        assert "django-celery-beat row" in str(caught.value)

    @pytest.mark.parametrize("verb", [registry.enable, registry.disable, registry.archive])
    def test_include_whether_it_runs_at_all(self, resync: Resync, make_row: MakeRow, verb: object) -> None:
        row = make_row()
        resync.sweep()
        with pytest.raises(registry.JobIsAdopted):
            verb(job_of(row).pk, actor="user:ana")  # type: ignore[operator]

    def test_leave_pause_and_resume_to_operators(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row()
        resync.sweep()
        assert registry.pause(job_of(row).pk, actor="user:ana").is_paused
        assert not registry.resume(job_of(row).pk, actor="user:ana").is_paused

    def test_cannot_be_replaced_for_a_single_run(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row()
        resync.sweep()
        with pytest.raises(registry.JobIsAdopted):
            registry.run_now(job_of(row), actor="user:ana", parameters={"task": "evil"})
        assert registry.run_now(job_of(row), actor="user:ana")


class TestQuarantine:
    def test_ends_when_the_row_is_mended(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row(args="[1,")
        resync.sweep()
        job = job_of(row)
        assert "args are not JSON" in job.problem
        assert job.next_tick_at is None
        row.args = "[1]"
        row.save()
        resync.sweep()
        job.refresh_from_db()
        assert (job.problem, job.parameters["args"]) == ("", [1])
        assert job.next_tick_at is not None

    def test_decides_first_what_was_due(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row()
        resync.sweep()
        make_undecided(job_of(row), seconds=5)
        row.kwargs = "["
        row.save()
        resync.sweep()
        assert outcomes(job_of(row)) == [("fired", "")]
        assert job_of(row).problem

    def test_is_not_ended_by_an_operators_change(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row(args="[1,")
        resync.sweep()
        registry.change(job_of(row).pk, {"tags": ["x"]}, actor="user:ana")
        job = job_of(row)
        assert job.problem
        assert job.next_tick_at is None

    def test_of_arguments_that_no_run_could_take(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row(kwargs=json.dumps({"x": "y" * 70_000}))
        resync.sweep()
        assert "64 KB" in job_of(row).problem


class TestAllowList:
    def test_notes_the_adoption_of_a_task_that_is_not_on_it(self, resync: Resync, make_row: MakeRow) -> None:
        TaskFunction.objects.create(name="listed.task", for_all_tenants=True)
        row, listed = make_row(task="unlisted.task"), make_row(task="listed.task")
        resync.sweep()
        assert "unlisted.task is not on the list" in JobRevision.objects.get(job=job_of(row)).note
        assert "not on the list" not in JobRevision.objects.get(job=job_of(listed)).note

    def test_binds_operators_but_not_rows(self, resync: Resync, make_row: MakeRow, tenant: Tenant) -> None:
        row = make_row(task="unlisted.task")
        resync.sweep()
        assert not job_of(row).problem
        native = {"name": "n", "template": "celery_task", "schedule": {"kind": "manual"}}
        with pytest.raises(InvalidJob) as caught:
            registry.create({**native, "parameters": {"task": "unlisted.task"}}, tenant=tenant, actor="user:ana")
        assert "parameters.task" in caught.value.fields
        TaskFunction.objects.create(name="unlisted.task", for_all_tenants=True)
        job = registry.create({**native, "parameters": {"task": "unlisted.task"}}, tenant=tenant, actor="user:ana")
        TaskFunction.objects.all().delete()
        registry.change(job.pk, {"name": "Still mine"}, actor="user:ana")
        with pytest.raises(InvalidJob):
            registry.change(job.pk, {"parameters": {"task": "other.task"}}, actor="user:ana")
        with pytest.raises(InvalidJob):
            registry.run_now(job, actor="user:ana", parameters={"task": "other.task"})


class TestNames:
    def test_get_a_slug_of_their_own(self, resync: Resync, make_row: MakeRow) -> None:
        rows = [make_row(name=name) for name in ("Grüße, Welt", "gruße welt", "日本")]
        resync.sweep()
        assert [job_of(row).slug for row in rows] == ["grue-welt", f"grue-welt-{rows[1].pk}", f"row-{rows[2].pk}"]

    def test_of_rows_made_again_are_other_jobs(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row(name="Same")
        resync.sweep()
        row.delete()
        again = make_row(name="Same")
        resync.sweep()
        assert Job.objects.filter(name="Same").count() == 2
        assert job_of(again).archived_at is None


class TestAdoptionSwitchedOff:
    def test_leaves_rows_alone(self, tenant: Tenant, make_row: MakeRow, clock: Clock, settings: object) -> None:
        settings.DAYBOOK_ADOPT = False  # type: ignore[attr-defined]
        make_row()
        Resync(clock=clock).sweep()
        assert not Job.objects.exists()
        assert PeriodicTask.objects.count() == 1  # nor is the schedule of Celery's settings put in

    def test_only_observes_what_was_adopted_before(
        self, resync: Resync, make_row: MakeRow, clock: Clock, settings: object
    ) -> None:
        row = make_row()
        resync.sweep()
        settings.DAYBOOK_ADOPT = False  # type: ignore[attr-defined]
        clock.pass_(301)
        resync.sweep()
        assert job_of(row).mode == Mode.OBSERVE
        assert BeatRow.objects.get(job=job_of(row)).displaced_at is not None


class TestDetection:
    def test_looks_only_when_the_mark_differs(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row()
        resync.sweep()
        PeriodicTask.objects.update(kwargs='{"x": 1}')  # tells nobody
        resync.sweep()
        assert job_of(row).parameters["kwargs"] == {}
        # The clock of whoever writes may be behind: earlier is different too.
        PeriodicTasks.objects.update(last_update=F("last_update") - timedelta(days=1))
        resync.sweep()
        assert job_of(row).parameters["kwargs"] == {"x": 1}

    def test_compares_everything_by_content_every_five_minutes(
        self, resync: Resync, make_row: MakeRow, clock: Clock
    ) -> None:
        row, gone = make_row(), make_row()
        resync.sweep()
        job, orphan = job_of(row), job_of(gone)
        PeriodicTask.objects.filter(pk=row.pk).update(enabled=False)
        IntervalSchedule.objects.update(every=9)
        PeriodicTask.objects.filter(pk=gone.pk)._raw_delete("default")
        PeriodicTask.objects.bulk_create([PeriodicTask(name="bulk", task="a.b", interval=every(1, "hours"))])
        resync._mark = PeriodicTasks.last_change()  # as if nobody had been told
        clock.pass_(290)
        resync.sweep()
        job.refresh_from_db()
        assert job.is_enabled
        clock.pass_(11)
        resync.sweep()
        job.refresh_from_db()
        orphan.refresh_from_db()
        assert (job.is_enabled, job.schedule.every_seconds) == (False, 540)
        assert orphan.archived_at is not None
        assert Job.objects.filter(name="bulk").exists()

    def test_writes_no_revision_when_nothing_that_matters_changed(
        self, resync: Resync, make_row: MakeRow, admin: Admin
    ) -> None:
        row = make_row()
        resync.sweep()
        admin.change_task(row)
        row.description = "other words"
        row.save()
        resync.sweep()
        assert job_of(row).revision == 1

    def test_passes_by_a_row_that_fails(
        self, resync: Resync, make_row: MakeRow, events: Events, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad, good = make_row(), make_row()
        adopt = adoption.adopt

        def failing(row_id: int, **more: object) -> bool:
            if row_id == bad.pk:
                raise ValueError("no good")
            return adopt(row_id, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(adoption, "adopt", failing)
        resync.sweep()
        assert job_of(good)
        assert ("beat.row_failed", bad.pk) in [(event, fields.get("row")) for event, fields in events]


class TestManyRows:
    @pytest.mark.long
    def test_are_adopted_in_batches(self, tenant: Tenant, clock: Clock, settings: object) -> None:
        schedule = every(1, "hours")
        PeriodicTask.objects.bulk_create(
            PeriodicTask(name=f"Row {number}", task="a.b", interval=schedule) for number in range(1000)
        )
        resync = Resync(clock=clock)
        counts = []
        for _ in range(8):
            resync.sweep()
            counts.append(Job.objects.count())
        assert counts[:4] == [200, 400, 600, 800]
        assert counts[-1] == 1001  # and celery.backend_cleanup
        assert set(Job.objects.values_list("revision", flat=True)) == {1}


class TestInterruption:
    def test_begins_again_after_a_failure_of_the_database(
        self, resync: Resync, make_row: MakeRow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = make_row()

        def away(**_: object) -> None:
            raise OperationalError("away")

        with monkeypatch.context() as patched:
            patched.setattr(beat_sync, "find_changed", away)
            with pytest.raises(OperationalError):
                resync.sweep()
        resync.sweep()
        assert job_of(row)

    def test_passes_by_a_job_that_was_archived_meanwhile(
        self, resync: Resync, make_row: MakeRow, events: Events, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = make_row()
        resync.sweep()
        drift = beat_sync.Drift(row_id=row.pk, job_id=job_of(row).pk, is_native=False, row_is_gone=False)
        Job.objects.update(archived_at=database_now(), next_tick_at=None)
        monkeypatch.setattr(beat_sync, "find_changed", lambda **_: [drift])
        row.save()
        resync.sweep()
        assert not names(events)

    def test_follows_nothing_when_the_row_has_just_gone(self, resync: Resync, make_row: MakeRow) -> None:
        row = make_row()
        resync.sweep()
        job = job_of(row)
        row.delete()
        adoption.follow(job.pk)
        assert job.revision == 1
