"""What the scheduler tells of itself: every cycle, leader and failure, counted alike, also across kill -9."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from jobs import scheduler_events
from jobs.models import Job, SchedulerCounter, SchedulerEvent
from jobs.recovery import old_events
from jobs.tick import diary
from jobs.tick.leader import Leader
from jobs.tick.turn import Turn
from scheduler_project.lib import sql
from tests import live
from tests.jobs.tick.test_turn import make_due
from tests.live import wait_for

MakeJob = Callable[..., Job]
TTL = timedelta(seconds=10)


def told(type_: str) -> list[SchedulerEvent]:
    return list(SchedulerEvent.objects.filter(type=type_).order_by("id"))


@pytest.mark.django_db
class TestCycles:
    def test_that_decided_something_have_a_row_each(self, make_job: MakeJob) -> None:
        make_due(make_job())
        turn = Turn(Leader("a", ttl=TTL))
        turn.take()
        (cycle,) = told("check_cycle")
        assert (cycle.source, cycle.level, cycle.count) == ("a", "info", 1)
        assert {"epoch": 1, "jobs": 1, "ticks": 1, "fired": 1}.items() <= cycle.data.items()

    def test_without_anything_due_are_one_row_a_minute_with_their_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [0.0]
        monkeypatch.setattr(diary.time, "monotonic", lambda: now[0])
        idle = diary.IdleCycles("a")
        for _ in range(250):
            idle.count()
            now[0] += 0.5
        assert [event.count for event in told("idle_cycles")] == [121, 120]
        idle.flush()
        idle.flush()
        assert [event.count for event in told("idle_cycles")] == [121, 120, 9]
        assert SchedulerCounter.objects.get(type="idle_cycles").count == 250

    @pytest.mark.django_db(transaction=True)
    def test_that_failed_leave_no_row(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        make_due(make_job())
        turn = Turn(Leader("a", ttl=TTL))
        turn.leader.keep()
        monkeypatch.setattr(diary, "_deviations", lambda plans: 1 / 0)
        turn.take()
        assert told("check_cycle") == []
        assert Job.objects.get().ticks.count() == 0

    def test_tell_each_job_that_was_late_or_missed(self, make_job: MakeJob) -> None:
        job = make_job(name="Last", policies={"misfire": "last"})
        Job.objects.filter(pk=job.pk).update(next_tick_at=sql.now() - timedelta(minutes=10))
        none = make_job(name="None", policies={"misfire": "none"})
        Job.objects.filter(pk=none.pk).update(next_tick_at=sql.now() - timedelta(minutes=10))
        Turn(Leader("a", ttl=TTL)).take()
        counts = {
            (event.type, event.job_id): event.count for event in SchedulerEvent.objects.filter(job_id__isnull=False)
        }
        ticks = {
            (kind, pk): Job.objects.get(pk=pk).ticks.filter(outcome=outcome).count()
            for kind, outcome in (("misfire", "coalesced"), ("tick_missed", "missed"), ("tick_late", "late"))
            for pk in (job.pk, none.pk)
        }
        assert counts == {key: count for key, count in ticks.items() if count}
        assert counts[("misfire", job.pk)] >= 8
        assert counts[("tick_missed", none.pk)] >= 8
        assert scheduler_events.find_differences() == []


@pytest.mark.django_db
class TestLeaders:
    def test_are_told_when_they_come_and_go(self) -> None:
        first, second = Leader("a", ttl=TTL), Leader("b", ttl=TTL)
        first.keep()
        first.keep()
        second.keep()
        first.release()
        second.keep()
        sql.rows("UPDATE scheduler_leases SET expires_at = clock_timestamp() - interval '1 second'")
        first.keep()
        found = [(event.type, event.source) for event in SchedulerEvent.objects.order_by("id")]
        assert found == [
            *(("leader_acquired", "a"), ("leader_released", "a"), ("leader_acquired", "b")),
            *(("leader_expired", "a"), ("leader_acquired", "a")),
        ]


@pytest.mark.django_db
class TestFailures:
    def test_of_one_loop_are_told_once_a_minute_with_their_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [100.0]
        monkeypatch.setattr(diary.time, "monotonic", lambda: now[0])
        monkeypatch.setattr(diary, "_failures", {})
        for loop in ("tick", *["reaper"] * 5):
            diary.overhear("loop.failed", {"loop": loop, "error": "It broke.", "seconds": 1.0})
            now[0] += 1
        now[0] += 60
        diary.overhear("loop.failed", {"loop": "reaper", "error": "It broke again.", "seconds": 1.0})
        found = [(event.type, event.source, event.count) for event in SchedulerEvent.objects.order_by("id")]
        assert found == [("turn_failed", "tick", 1), ("sweep_failed", "reaper", 1), ("sweep_failed", "reaper", 5)]


@pytest.mark.django_db(transaction=True)
class TestRetention:
    def test_drops_whole_weeks_and_keeps_their_sums(self, settings: object) -> None:
        week = "scheduler_events_y2026m01d05"
        sql.script(
            f"CREATE TABLE {week} PARTITION OF scheduler_events FOR VALUES FROM ('2026-01-05Z') TO ('2026-01-12Z')"
        )
        sql.rows(
            "INSERT INTO scheduler_events (at, type, level, count) VALUES ('2026-01-07Z', 'check_cycle', 'info', 5)"
        )
        sql.rows("INSERT INTO scheduler_counters (type, count) VALUES ('check_cycle', 5)")
        scheduler_events.record([scheduler_events.Event("check_cycle", count=2)])
        assert old_events.sweep() == 1
        counter = SchedulerCounter.objects.get()
        assert (counter.count, counter.dropped, SchedulerEvent.objects.count()) == (7, 5, 1)
        assert scheduler_events.find_differences() == []
        assert old_events.sweep() == 0


@pytest.mark.django_db
def test_the_command_fails_on_a_counter_that_is_wrong() -> None:
    scheduler_events.record([scheduler_events.Event("check_cycle", count=2)])
    call_command("verify_events", stdout=(out := StringIO()))
    assert "Every counter is the sum of its events." in out.getvalue()
    SchedulerCounter.objects.update(count=3)
    with pytest.raises(CommandError, match="1 counters"):
        call_command("verify_events", stdout=out)
    assert "check_cycle: 3 counted, 2 recorded" in out.getvalue()


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("live")
def test_counters_equal_their_events_after_kill_9_after_a_restart_and_after_a_stop(
    make_job: MakeJob, tmp_path: Path
) -> None:
    jobs = [make_job() for _ in range(20)]
    with live.scheduler(tmp_path) as scheduler:
        wait_for(lambda: told("leader_acquired"))
        for job in jobs:  # so that it is in the middle of something
            make_due(job)
        wait_for(lambda: told("check_cycle"))
        scheduler.send(signal.SIGKILL)
        scheduler.wait(seconds=5)
    assert scheduler_events.find_differences() == []
    sql.rows("UPDATE scheduler_leases SET expires_at = clock_timestamp() - interval '1 second'")
    turn = Turn(Leader("restarted", ttl=TTL))
    for job in Job.objects.all():
        Job.objects.filter(pk=job.pk).update(next_tick_at=job.next_tick_at - timedelta(minutes=2))
    for _ in range(3):
        turn.take()
    turn.end()
    assert scheduler_events.find_differences() == []
    for type_ in ("check_cycle", "idle_cycles", "leader_acquired", "leader_expired", "leader_released"):
        assert SchedulerCounter.objects.get(type=type_).count == sum(event.count for event in told(type_)) > 0
