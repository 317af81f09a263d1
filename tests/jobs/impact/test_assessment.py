"""What a change would do, told before it is saved, and that it then does just that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from jobs import impact, registry
from jobs.definition import InvalidJob
from jobs.impact import Impact, missed
from jobs.models import Calendar, Execution, Job, Tick
from jobs.rules.schedule import ScheduleSpec, occurrences
from scheduler_project.lib import sql

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db

DAILY = {"kind": "cron", "cron": "0 9 * * *", "timezone": "Europe/Berlin"}


def assessed(job: Job, change: dict[str, Any] | str) -> Impact:
    """In a transaction that PostgreSQL itself holds to reading."""
    job = Job.objects.select_related("template", "tenant").get(pk=job.pk)
    now = sql.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        if isinstance(change, str):
            found = impact.assess(impact.propose_action(job, change, now=now, by="user:ana"), now=now)
        else:
            found = impact.assess(impact.propose_change(job, change, now=now), now=now)
        transaction.set_rollback(True)
    return found


def counts(found: Impact) -> tuple[int, int, int, int]:
    compared = found.comparison
    return len(compared.added), len(compared.removed), len(compared.moved), compared.unchanged


class TestAnEdit:
    def test_of_the_name_changes_no_run(self, make_job: MakeJob) -> None:
        found = assessed(make_job(schedule=DAILY), {"name": "Other"})
        assert counts(found) == (0, 0, 0, 30)
        assert found.notes[0].startswith("No run changes: 30 runs in the next 30 days")

    def test_of_the_hour_moves_every_run(self, make_job: MakeJob) -> None:
        found = assessed(make_job(schedule=DAILY), {"schedule": {**DAILY, "cron": "0 10 * * *"}})
        added, removed, moved, unchanged = counts(found)
        assert (added, removed, unchanged) in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0))
        assert moved >= 29

    def test_of_the_interval_keeps_its_anchor(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 3600})
        found = assessed(job, {"schedule": {"kind": "interval", "every_seconds": 3600}})
        assert counts(found)[:3] == (0, 0, 0)
        faster = assessed(job, {"schedule": {"kind": "interval", "every_seconds": 1800}})
        assert counts(faster) == (720, 0, 0, 720)

    def test_of_a_schedule_by_the_minute_reaches_thirty_days(self, make_job: MakeJob) -> None:
        found = assessed(make_job(), {"schedule": {"kind": "cron", "cron": "*/2 * * * *"}})
        assert counts(found) == (0, 21_600, 0, 21_600)
        assert not found.is_cut

    def test_of_a_schedule_by_the_second_says_where_it_ends(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 10})
        found = assessed(job, {"name": "Other"})
        assert found.is_cut
        assert found.until == found.after.let_in[-1]

    def test_with_a_calendar_holds_back_what_it_leaves_out(self, make_job: MakeJob) -> None:
        job = make_job(schedule=DAILY)
        Calendar.objects.create(tenant=job.tenant, slug="work", name="Working days", weekdays=[0, 1, 2, 3, 4])
        found = assessed(job, {"calendars": ["work"]})
        added, removed, _, unchanged = counts(found)
        assert (added, removed + unchanged) == (0, 30)
        assert found.after.held_back == {"calendar_day_off": removed}
        assert removed in (8, 9, 10)

    def test_that_is_invalid_has_the_errors_of_a_change(self, make_job: MakeJob) -> None:
        job = make_job()
        for data in ({"schedule": {"kind": "cron", "cron": "x"}}, {"calendars": ["none"]}, {"nonsense": 1}):
            errors = []
            for attempt in (lambda data: assessed(job, data), lambda data: registry.change(job.pk, data, actor="x")):
                with pytest.raises(InvalidJob) as raised:
                    attempt(data)
                errors.append(raised.value.fields)
            assert errors[0] == errors[1]

    def test_does_what_was_told(self, make_job: MakeJob) -> None:
        job = make_job(schedule=DAILY)
        change = {"schedule": {**DAILY, "cron": "30 */6 * * *"}}
        found = assessed(job, change)
        changed = registry.change(job.pk, change, actor="user:ana")
        due = tuple(occurrences(ScheduleSpec.from_json(changed.spec), found.now, found.until))
        assert due == found.after.let_in
        assert changed.next_tick_at == found.after.let_in[0]

    def test_tells_of_changes_of_the_clocks(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        job = make_job(schedule={"kind": "cron", "cron": "30 1 * * *", "timezone": "America/New_York"})
        now = sql.now().replace(year=2026, month=10, day=20)
        proposal = impact.propose_change(job, {"schedule": {**job.spec, "fold": "both"}}, now=now)
        found = impact.assess(proposal, now=now)
        assert [note.effect for note in found.clock_changes] == ["both"]
        assert counts(found)[0] == 1


class TestPauseAndResume:
    def test_a_pause_takes_every_run(self, make_job: MakeJob) -> None:
        found = assessed(make_job(schedule=DAILY), "pause")
        assert counts(found) == (0, 30, 0, 0)
        assert found.after.held_back == {"paused": 30}

    def test_a_resume_offers_what_was_missed_and_runs_none_of_it(self, make_job: MakeJob) -> None:
        job = paused_for_three_minutes(make_job())
        found = assessed(job, "resume")
        assert found.missed is not None
        assert found.missed.choices == {"none": 0, "last": 1, "all": 3}
        assert "would have run 3 times" in " ".join(found.notes)
        impact.resume(job.pk, actor="user:ana")
        assert not Execution.objects.filter(job=job).exists()

    @pytest.mark.parametrize(("choice", "runs"), [("last", 1), ("all", 3)])
    def test_a_resume_runs_what_was_chosen(self, make_job: MakeJob, choice: str, runs: int) -> None:
        job = paused_for_three_minutes(make_job())
        newest = Tick.objects.filter(job=job).latest("due_at").due_at
        changed = impact.resume(job.pk, actor="user:ana", missed=choice)
        assert not changed.is_paused
        backfill = job.backfills.get()
        due = list(backfill.runs.order_by("due_at").values_list("due_at", flat=True))
        assert (len(due), due[-1], backfill.requested_by) == (runs, newest, "user:ana")

    def test_a_choice_that_is_unknown_is_refused(self, make_job: MakeJob) -> None:
        with pytest.raises(InvalidJob, match="none, last, all"):
            impact.resume(make_job().pk, actor="user:ana", missed="some")


class TestEnableAndDisable:
    def test_a_disable_takes_every_run(self, make_job: MakeJob) -> None:
        found = assessed(make_job(schedule=DAILY), "disable")
        assert counts(found) == (0, 30, 0, 0)

    def test_a_disable_tells_what_becomes_of_undecided_ticks(self, make_job: MakeJob) -> None:
        job = make_job()
        assert job.next_tick_at is not None
        Job.objects.filter(pk=job.pk).update(next_tick_at=job.next_tick_at - timedelta(minutes=3))
        found = assessed(job, "disable")
        assert found.undecided is not None
        assert found.undecided.outcomes in ({"missed (disabled_at_tick)": 2}, {"missed (disabled_at_tick)": 3})
        registry.disable(job.pk, actor="user:ana")
        assert Tick.objects.filter(job=job, reason="disabled_at_tick").count() == found.undecided.count

    def test_an_enable_adds_every_run_and_offers_what_was_not_due(
        self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 60})
        registry.disable(job.pk, actor="user:ana")
        monkeypatch.setattr(missed, "disabled_since", lambda _: sql.now() - timedelta(minutes=4))
        long_ago = (sql.now() - timedelta(hours=1)).isoformat()
        Job.objects.filter(pk=job.pk).update(spec={**job.spec, "anchor": long_ago})
        found = assessed(job, "enable")
        assert counts(found)[1:] == (0, 0, 0)
        assert found.missed is not None
        assert found.missed.count == 4
        impact.enable(job.pk, actor="user:ana", missed="all")
        assert job.backfills.get().runs.count() == 4

    def test_a_job_that_was_never_in_force_missed_nothing(self, make_job: MakeJob) -> None:
        assert assessed(make_job(enabled=False), "enable").missed is None


class TestALateStart:
    def test_runs_nothing_of_the_past_unless_it_is_chosen(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "cron", "cron": "*/10 * * * *"})
        start = sql.now() - timedelta(hours=1)
        change = {"schedule": {"kind": "cron", "cron": "*/10 * * * *", "start_at": start.isoformat()}}
        found = assessed(job, change)
        assert found.missed is not None
        assert found.missed.count in (5, 6)
        impact.change(job.pk, change, actor="user:ana")
        assert not job.backfills.exists()


class TestWhatElseIsToBeKnown:
    def test_counts_other_jobs_in_the_same_minute(self, make_job: MakeJob) -> None:
        job = make_job(schedule=DAILY)
        for name in ("One", "Two"):
            make_job(name=name, schedule=DAILY)
        make_job(schedule={**DAILY, "cron": "5 9 * * *"})
        found = assessed(job, {"name": "Other"})
        assert [(one.jobs, one.names) for one in found.collisions] == [(2, ("One", "Two"))]

    def test_counts_what_waits(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.run_now(job, actor="user:ana")
        found = assessed(job, "archive")
        assert (found.queued, found.running) == (1, 0)
        assert any("cancelled by this" in note for note in found.notes)


def paused_for_three_minutes(job: Job) -> Job:
    """As if three ticks had been recorded since."""
    registry.pause(job.pk, actor="user:ana")
    now = sql.now()
    job.refresh_from_db()
    assert job.next_tick_at is not None
    first = job.next_tick_at - timedelta(minutes=3)
    Job.objects.filter(pk=job.pk).update(paused_at=first - timedelta(seconds=1))
    for minute in range(3):
        Tick.objects.create(
            tenant=job.tenant, job=job, due_at=first + timedelta(minutes=minute), outcome="skipped", reason="paused",
            revision=2, epoch=1, decided_at=now,
        )  # fmt: skip
    return job


class TestAQuarantinedJob:
    @pytest.fixture
    def broken(self, make_job: MakeJob) -> Job:
        job = make_job()
        Job.objects.filter(pk=job.pk).update(spec={"kind": "cron", "cron": "what", "timezone": "Nowhere"})
        return job

    def test_can_be_disabled(self, broken: Job) -> None:
        assert assessed(broken, "disable").after.due == 0

    def test_cannot_be_paused_before_it_is_mended(self, broken: Job) -> None:
        with pytest.raises(InvalidJob, match="Write another"):
            assessed(broken, "pause")

    def test_shows_what_mending_it_adds(self, broken: Job) -> None:
        assert counts(assessed(broken, {"schedule": DAILY})) == (30, 0, 0, 0)
