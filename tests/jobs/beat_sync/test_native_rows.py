"""What others do to the rows of native jobs is undone, and told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from jobs import registry
from jobs.models import BeatRow, Job
from jobs.recovery.resync import Resync
from tests.jobs.beat_sync.conftest import Admin, Clock, Commit, Events, every, names

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


def row_of(job: Job) -> PeriodicTask:
    job.refresh_from_db()
    return PeriodicTask.objects.get(pk=job.periodic_task_id)


@pytest.fixture
def sweep(resync: Resync, django_capture_on_commit_callbacks: Commit) -> Callable[[], None]:
    def sweep() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            resync.sweep()

    return sweep


def undone(events: Events) -> list[Any]:
    return [fields["fields"] for event, fields in events if event == "beat.foreign_edit_undone"]


class TestForeignEdit:
    @pytest.mark.parametrize(
        ("change", "fields"),
        [
            ({"name": "Mine now"}, ["name"]),
            ({"enabled": None}, ["enabled"]),
            ({"kwargs": '{"job_id": 999}'}, ["kwargs"]),
            ({"regtask": "", "task": "evil.task"}, ["task"]),
            ({"queue": "theirs", "priority": "0"}, ["queue", "priority"]),
            ({"one_off": "on"}, ["one_off"]),
        ],
    )
    def test_in_the_admin_is_undone_and_told(
        self,
        admin: Admin,
        make_job: MakeJob,
        sweep: Callable[[], None],
        events: Events,
        change: dict[str, Any],
        fields: list[str],
    ) -> None:
        job = make_job()
        before = PeriodicTask.objects.filter(pk=row_of(job).pk).values().get()
        sweep()
        admin.change_task(row_of(job), **change)
        sweep()
        after = PeriodicTask.objects.filter(pk=row_of(job).pk).values().get()
        ours = {name for name in before if name not in ("date_changed", "last_run_at", "description")}
        assert {name: after[name] for name in ours} == {name: before[name] for name in ours}
        assert undone(events) == [fields]
        assert job.revision == 1

    def test_of_the_schedule_is_undone_by_another_schedule_row(
        self, admin: Admin, make_job: MakeJob, sweep: Callable[[], None], events: Events
    ) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 300})
        schedule = IntervalSchedule.objects.get()
        admin.change(
            "intervalschedule",
            schedule.pk,
            every="7",
            period="minutes",
            **{
                "periodictask_set-TOTAL_FORMS": 1,
                "periodictask_set-INITIAL_FORMS": 1,
                "periodictask_set-0-id": row_of(job).pk,
                "periodictask_set-0-interval": schedule.pk,
            },
        )
        sweep()
        schedule.refresh_from_db()
        assert schedule.every == 7  # others may mean it
        row = row_of(job)
        assert row.interval is not None
        assert (row.interval.every, row.interval.period) == (5, "minutes")
        assert undone(events) == [["schedule"]]

    def test_is_undone_in_bulk_too(
        self, admin: Admin, make_job: MakeJob, sweep: Callable[[], None], events: Events
    ) -> None:
        jobs = [make_job() for _ in range(3)]
        admin.act("disable_tasks", *(row_of(job) for job in jobs))
        sweep()
        assert all(row_of(job).enabled for job in jobs)
        assert len(undone(events)) == 3

    def test_that_nobody_was_told_of_is_undone_within_five_minutes(
        self, make_job: MakeJob, sweep: Callable[[], None], clock: Clock, events: Events
    ) -> None:
        job = make_job()
        sweep()
        PeriodicTask.objects.update(task="evil.task")
        sweep()
        assert row_of(job).task == "evil.task"
        clock.pass_(301)
        sweep()
        assert row_of(job).task == "scheduler.run_job"
        assert undone(events) == [["task"]]

    def test_of_an_archived_job_does_not_bring_it_back(
        self, admin: Admin, make_job: MakeJob, sweep: Callable[[], None]
    ) -> None:
        job = make_job()
        registry.archive(job.pk, actor="user:ana")
        admin.act("enable_tasks", row_of(job))
        sweep()
        assert not row_of(job).enabled

    def test_is_told_when_a_change_of_the_job_undoes_it(
        self, make_job: MakeJob, events: Events, django_capture_on_commit_callbacks: Commit
    ) -> None:
        job = make_job()
        PeriodicTask.objects.update(task="evil.task")
        with django_capture_on_commit_callbacks(execute=True):
            registry.pause(job.pk, actor="user:ana")
        assert row_of(job).task == "scheduler.run_job"
        assert names(events) == ["beat.foreign_edit_undone"]


class TestDeletedRow:
    def test_is_made_again_and_told(
        self, admin: Admin, make_job: MakeJob, sweep: Callable[[], None], events: Events
    ) -> None:
        job = make_job()
        before = row_of(job).pk
        admin.delete("periodictask", before)
        sweep()
        row = row_of(job)
        assert (row.pk != before, row.name, row.enabled) == (True, f"daybook:{job.pk}", True)
        assert undone(events) == [["deleted"]]

    def test_is_made_again_when_its_schedule_took_it_along(
        self, admin: Admin, make_job: MakeJob, sweep: Callable[[], None]
    ) -> None:
        job = make_job(schedule={"kind": "cron", "cron": "0 9 * * *"})
        admin.delete("crontabschedule", CrontabSchedule.objects.get().pk)
        sweep()
        assert row_of(job).crontab.hour == "9"

    def test_of_an_archived_job_stays_away(self, admin: Admin, make_job: MakeJob, sweep: Callable[[], None]) -> None:
        job = make_job()
        registry.archive(job.pk, actor="user:ana")
        admin.delete("periodictask", row_of(job).pk)
        sweep()
        assert not PeriodicTask.objects.exists()


class TestUpgrade:
    def test_gives_jobs_without_a_row_theirs(
        self, make_job: MakeJob, sweep: Callable[[], None], clock: Clock, events: Events
    ) -> None:
        job = make_job()
        PeriodicTask.objects.all().delete()
        BeatRow.objects.all().delete()
        Job.objects.update(periodic_task=None)
        clock.pass_(301)
        sweep()
        assert row_of(job).enabled
        assert not undone(events)


class TestNativeRowsAreNotAdopted:
    def test_whatever_their_name(self, make_job: MakeJob, sweep: Callable[[], None], admin: Admin) -> None:
        job = make_job()
        admin.change_task(row_of(job), name="Nobody's")
        sweep()
        assert Job.objects.count() == 1

    def test_but_rows_that_ask_for_our_own_task_are_quarantined(
        self, make_job: MakeJob, sweep: Callable[[], None], admin: Admin
    ) -> None:
        job = make_job()
        schedule = every(1, "hours").pk
        admin.add_task(name="copy", task="scheduler.run_job", kwargs=f'{{"job_id": {job.pk}}}', interval=schedule)
        sweep()
        assert "Daybook's own" in Job.objects.get(name="copy").problem


class TestJobThatIsOver:
    def test_is_switched_off_in_its_row(
        self, make_job: MakeJob, sweep: Callable[[], None], clock: Clock, events: Events
    ) -> None:
        job = make_job(schedule={"kind": "once", "at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()})
        assert row_of(job).enabled
        Job.objects.filter(pk=job.pk).update(next_tick_at=None, fired_count=1)  # as the ledger leaves it
        clock.pass_(301)
        sweep()
        assert not row_of(job).enabled
        assert not undone(events)
        clock.pass_(301)
        sweep()
        assert not undone(events)


class TestConsole:
    """The console's own pages do not even offer it."""

    @pytest.fixture
    def console(self, settings: Any) -> Admin:
        settings.ROOT_URLCONF = "scheduler_project.urls"
        return Admin()

    def test_shows_mirrors_and_leaves_them_alone(self, console: Admin, make_job: MakeJob) -> None:
        job = make_job()
        row = row_of(job)
        page = console.client.get(f"{Admin.URL}/periodictask/{row.pk}/change/")
        assert page.status_code == 200
        assert "mirrors a job" in page.content.decode()
        assert console.client.post(f"{Admin.URL}/periodictask/{row.pk}/change/", {"name": "x"}).status_code == 403
        console.client.post(
            f"{Admin.URL}/periodictask/?made_by=all", {"action": "disable_tasks", "_selected_action": [row.pk]}
        )
        assert row_of(job).enabled

    def test_lets_people_edit_a_row_that_only_looks_like_one(self, console: Admin, make_job: MakeJob) -> None:
        row = console.add_task(name="daybook:mine", task="a.b", interval=every(1, "hours").pk)
        console.change_task(row, name="daybook:renamed")
        row.refresh_from_db()
        assert row.name == "daybook:renamed"
