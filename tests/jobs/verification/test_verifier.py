"""The verifier accuses nobody who did right, whatever happened to a job meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs import registry, revisions
from jobs.models import Job
from jobs.rules.states import Mode
from scheduler_project.lib import sql
from tests.jobs.world import MINUTELY, MakeJob, World

pytestmark = pytest.mark.django_db


class TestWhatIsRight:
    def test_counts_every_due_tick_once(self, world: World, make_job: MakeJob) -> None:
        make_job(schedule=MINUTELY, policies={"overlap": "allow"})
        for _ in range(5):
            world.decides(minutes=1)
        report = world.verified()
        assert (report.holds, report.sums.due, report.sums.recorded) == (True, 5, 5)
        assert report.by_outcome() == {"fired": 5}
        assert report.jobs == 1

    def test_stays_so_across_an_edit(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY)
        world.decides(minutes=3, seconds=30)
        world.goes_on(minutes=2)  # two ticks are left to the change
        registry.change(job.pk, {"schedule": {**MINUTELY, "every_seconds": 90}}, actor="user:test")
        world.decides(minutes=6)
        assert world.verified().holds
        assert world.verified().sums.due == 3 + 2 + 4

    def test_gives_the_tick_of_the_very_instant_to_the_old_revision(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY)
        world.goes_on(minutes=2)
        registry.change(job.pk, {"schedule": {**MINUTELY, "every_seconds": 120}}, actor="user:test")
        world.decides(minutes=2)
        assert world.verified().holds
        assert world.verified().sums.due == 2 + 1

    def test_stays_so_across_pause_and_resume(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY)
        world.decides(minutes=2)
        registry.pause(job.pk, actor="user:test")
        world.decides(minutes=3)
        registry.resume(job.pk, actor="user:test")
        world.decides(minutes=1)
        assert world.verified().holds
        assert world.verified().sums.outcomes["skipped", "paused"] == 3

    def test_expects_nothing_while_the_job_is_disabled(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY)
        world.decides(minutes=2)
        world.goes_on(minutes=1)
        registry.disable(job.pk, actor="user:test")
        world.decides(minutes=30)
        assert (world.verified().holds, world.verified().sums.due) == (True, 3)
        assert world.verified().sums.outcomes["missed", "disabled_at_tick"] == 1
        registry.enable(job.pk, actor="user:test")
        world.decides(minutes=2)
        assert (world.verified().holds, world.verified().sums.due) == (True, 5)

    def test_expects_nothing_after_the_archive(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY)
        world.goes_on(minutes=2)
        registry.archive(job.pk, actor="user:test")
        world.decides(hours=2)
        assert (world.verified().holds, world.verified().sums.due) == (True, 2)

    @pytest.mark.parametrize("misfire", ["none", "last", "all"])
    def test_stays_so_across_an_outage(self, world: World, make_job: MakeJob, misfire: str) -> None:
        make_job(
            schedule=MINUTELY,
            policies={"misfire": misfire, "overlap": "allow", "misfire_cap": 4, "misfire_window_seconds": 1800},
        )
        world.decides(minutes=1)
        world.decides(minutes=45, seconds=10)
        world.decides(minutes=1)
        assert (world.verified().holds, world.verified().sums.due) == (True, 47)

    def test_ends_with_the_last_allowed_run(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY, policies={"max_runs": 3, "overlap": "allow"})
        registry.pause(job.pk, actor="user:test")
        world.decides(minutes=2)
        registry.resume(job.pk, actor="user:test")
        for _ in range(6):
            world.decides(minutes=1)
        assert (world.verified().holds, world.verified().sums.due) == (True, 2 + 3)
        since = world.now - timedelta(minutes=4)
        assert (world.verified(since=since).holds, world.verified(since=since).sums.due) == (True, 2)

    def test_goes_on_when_more_runs_are_allowed(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY, policies={"max_runs": 2, "overlap": "allow"})
        for _ in range(4):
            world.decides(minutes=1)
        registry.change(job.pk, {"policies": {"max_runs": 3, "overlap": "allow"}}, actor="user:test")
        for _ in range(3):
            world.decides(minutes=1)
        registry.change(job.pk, {"policies": {"max_runs": 1, "overlap": "allow"}}, actor="user:test")
        world.decides(minutes=5)
        assert (world.verified().holds, world.verified().sums.due) == (True, 3)

    def test_keeps_within_start_and_end(self, world: World, make_job: MakeJob) -> None:
        start, end = world.now + timedelta(minutes=5), world.now + timedelta(minutes=9)
        make_job(schedule={**MINUTELY, "start_at": start.isoformat(), "end_at": end.isoformat()})
        world.decides(minutes=20)
        assert (world.verified().holds, world.verified().sums.due) == (True, 4)

    def test_knows_the_spread(self, world: World, make_job: MakeJob) -> None:
        for _ in range(3):
            make_job(schedule={"kind": "cron", "cron": "*/5 * * * *", "spread_seconds": 240})
        world.decides(hours=1)
        assert (world.verified().holds, world.verified().sums.due) == (True, 36)

    def test_knows_the_nights_in_which_clocks_change(self, world: World, make_job: MakeJob) -> None:
        sql.script("SELECT daybook_make_tick_partitions('2026-03-01', 9)")
        for begin, nightly in ((datetime(2026, 3, 28, tzinfo=UTC), 9), (datetime(2026, 10, 24, tzinfo=UTC), 10)):
            world.now = begin
            jobs = [
                make_job(schedule={"kind": "cron", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "fold": fold})
                for fold in ("first", "second", "both")
            ]
            jobs.append(make_job(schedule={"kind": "cron", "cron": "*/20 * * * *", "timezone": "Europe/Berlin"}))
            for _ in range(16):
                world.decides(hours=4)
            for job in jobs:
                registry.disable(job.pk, actor="user:test")
            report = world.verified(since=begin)
            assert (report.holds, report.sums.due) == (True, nightly + 64 * 3)

    def test_counts_what_is_only_observed(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY)
        registry.set_mode(job.pk, Mode.OBSERVE, actor="user:test")
        world.decides(minutes=2)
        assert (world.verified().holds, world.outcomes()) == (True, {"shadow": 2})

    def test_stays_so_across_quarantine_and_release(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY)
        world.decides(minutes=2)
        sound = Job.objects.get(pk=job.pk).policy
        Job.objects.filter(pk=job.pk).update(policy={"late_after_seconds": "what"})
        world.decides(minutes=3)
        report = world.verified()
        assert (report.holds, report.sums.due) == (True, 2)
        assert (report.undecided, report.jobs_quarantined) == (3, 1)
        Job.objects.filter(pk=job.pk).update(policy=sound)
        registry.pause(job.pk, actor="user:test")
        report = world.verified()
        assert (report.holds, report.sums.due, report.undecided) == (True, 5, 0)
        assert report.sums.outcomes["missed", "schedule_error"] == 3


class TestWhatIsNotDecidedYet:
    def test_is_told_and_accuses_nobody(self, world: World, make_job: MakeJob) -> None:
        make_job(schedule=MINUTELY)
        world.decides(minutes=1)
        world.goes_on(minutes=3)
        report = world.verified()
        assert (report.holds, report.sums.due, report.undecided, report.jobs_undecided) == (True, 1, 3, 1)
        assert report.furthest_behind == timedelta(minutes=2)


class TestWindow:
    def test_begins_with_since_and_ends_before_until(self, world: World, make_job: MakeJob) -> None:
        make_job(schedule=MINUTELY)
        begin = world.now
        for _ in range(10):
            world.decides(minutes=1)
        report = world.verified(since=begin + timedelta(minutes=2), until=begin + timedelta(minutes=5))
        assert (report.holds, report.sums.due) == (True, 3)

    def test_reaches_no_further_back_than_the_ledger(self, world: World, make_job: MakeJob) -> None:
        make_job(schedule=MINUTELY)
        world.decides(minutes=1)
        report = world.verified(since=world.now - timedelta(days=3650))
        assert report.since > world.now - timedelta(days=400)

    def test_can_be_of_one_job(self, world: World, make_job: MakeJob) -> None:
        job, _ = make_job(schedule=MINUTELY), make_job(schedule=MINUTELY)
        world.decides(minutes=2)
        assert world.verified(job_id=job.pk).jobs == 1
        assert world.verified(job_id=job.pk).sums.due == 2

    def test_reads_on_after_the_first_page(
        self, world: World, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.verification.verifier.FIRST_PAGE", 4)
        monkeypatch.setattr("jobs.verification.verifier.BATCH", 2)
        monkeypatch.setattr("jobs.verification.reading.PAGE", 3)
        for _ in range(5):
            make_job(schedule=MINUTELY)
        world.decides(minutes=25)
        assert (world.verified().holds, world.verified().sums.due) == (True, 125)


class TestUpgrade:
    def test_leaves_what_others_judged_to_them(
        self, world: World, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The zone's rules said something else when these ticks were decided."""
        monkeypatch.setattr(revisions, "tzdata_version", lambda: "2020a")
        job = make_job(schedule={"kind": "cron", "cron": "30 * * * *"})
        then = {**job.spec, "cron": "45 * * * *"}
        Job.objects.filter(pk=job.pk).update(spec=then, next_tick_at=world.now + timedelta(minutes=45))
        world.decides(hours=3)
        report = world.verified()
        assert (report.holds, report.sums.due, report.sums.recorded) == (True, 3, 3)
        assert report.sums.doubts == {"judged under tzdata 2020a": 6}

    def test_verifies_the_rest_as_usual(self, world: World, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as then:
            then.setattr(revisions, "tzdata_version", lambda: "2020a")
            job = make_job(schedule=MINUTELY)
        world.decides(minutes=3)
        registry.pause(job.pk, actor="user:test")
        world.decides(minutes=2)
        report = world.verified()
        assert (report.holds, report.sums.due, dict(report.sums.doubts)) == (True, 5, {})


class TestClockSetBack:
    def test_makes_no_accusation(self, world: World, make_job: MakeJob) -> None:
        job = make_job(schedule=MINUTELY)
        world.decides(hours=2)
        registry.pause(job.pk, actor="user:test")
        world.decides(minutes=5)
        world.goes_on(hours=-1)
        registry.change(job.pk, {"schedule": {**MINUTELY, "every_seconds": 90}}, actor="user:test")
        world.decides(hours=3)
        assert world.kinds() == {}
