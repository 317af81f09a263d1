"""The simulated ledger is the one that the engine writes on PostgreSQL, turn by turn, for the same course of things."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import ledger, planner, registry
from jobs.models import Calendar, Execution, Job, Maintenance, Tick
from jobs.planner import JUST_BEFORE
from jobs.simulation import Outage, simulate
from jobs.simulation.leading import first_led, leads
from jobs.simulation.source import simulated
from scheduler_project.lib import transactions

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db

# The night in which New York's clocks go back, far enough ahead that nothing of it is due by itself.
START = datetime(2027, 11, 6, 20, tzinfo=UTC)
END = START + timedelta(hours=20)
NEW_YORK = "America/New_York"

Row = tuple[datetime, str, str, datetime]


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def real_ledger(job: Job, outages: list[Outage], duration: timedelta) -> list[Row]:
    """Takes the engine's own turns at the instants at which somebody leads, and ends runs when their time is over."""
    led = leads(START, END, schedulers=2, outages=outages)
    first = planner.first_tick_after(job.schedule, job.policies, after=START - JUST_BEFORE)
    Job.objects.filter(pk=job.pk).update(next_tick_at=first)
    ends: dict[int, datetime] = {}
    while (due_at := Job.objects.get(pk=job.pk).next_tick_at) is not None and due_at <= END:
        turn = first_led(led, due_at)
        if turn is None:
            break
        now, epoch = turn
        over = [execution_id for execution_id, ends_at in ends.items() if ends_at <= now]
        Execution.objects.filter(pk__in=over, status="queued").update(status="succeeded", finished_at=now)
        with transactions.engine():
            ledger.decide_due(now=now, epoch=epoch)
        slots = job.policies.slots
        for row in Execution.objects.filter(job=job, status="queued").order_by("id"):
            if row.pk not in ends:
                before = sorted((end for end in ends.values() if end > now), reverse=True)
                waits = slots is not None and len(before) >= slots and job.policies.overlap != "replace"
                starts_at = before[(slots or 1) - 1] if waits else now
                ends[row.pk] = starts_at + duration
    rows = Tick.objects.filter(job=job).order_by("due_at")
    return [(row.due_at, row.outcome, row.reason, row.decided_at) for row in rows]


def simulated_ledger(job: Job, outages: list[Outage], duration: timedelta) -> list[Row]:
    jobs, maintenance = simulated([job], start=START, end=END, duration=duration)
    found = simulate(jobs, START, END, outages=outages, maintenance=maintenance)
    return [(row.due_at, row.outcome, row.reason, row.decided_at) for row in found.ledger]


def compared(job: Job, *, outages: list[Outage] | None = None, duration: timedelta = timedelta(seconds=1)) -> list[Row]:
    job = Job.objects.get(pk=job.pk)
    expected = real_ledger(job, outages or [], duration)
    assert simulated_ledger(job, outages or [], duration) == expected
    assert expected
    return expected


def every(count: float) -> dict[str, Any]:
    return {"kind": "interval", "every_seconds": round(count * 60), "anchor": "2026-01-01T00:00:00Z"}


NIGHT_OUT = [Outage(START + timedelta(hours=1), START + timedelta(hours=9, seconds=13))]


class TestSameLedger:
    @pytest.mark.parametrize(
        ("misfire", "overlap"),
        [("none", "allow"), ("last", "skip"), ("all", "queue_one"), ("all", "queue_all"), ("last", "replace")],
    )
    def test_after_a_night_without_schedulers(self, make_job: MakeJob, misfire: str, overlap: str) -> None:
        policies = {"misfire": misfire, "overlap": overlap, "misfire_window_seconds": 6 * 3600}
        job = make_job(schedule=every(20), policies=policies)
        rows = compared(job, outages=NIGHT_OUT, duration=minutes(25))
        assert {"fired"} <= {outcome for _, outcome, _, _ in rows}

    @pytest.mark.parametrize("instances", [1, 2, 3])
    def test_with_runs_that_take_longer_than_the_interval(self, make_job: MakeJob, instances: int) -> None:
        job = make_job(schedule=every(30), policies={"max_instances": instances})
        rows = compared(job, duration=minutes(100))
        assert ("skipped", "overlap") in {row[1:3] for row in rows}

    def test_with_a_take_over(self, make_job: MakeJob) -> None:
        down = [Outage(START + minutes(59.99), START + minutes(90), scheduler=1)]
        rows = compared(make_job(schedule=every(20)), outages=down)
        assert max(decided - due for due, _, _, decided in rows) == timedelta(seconds=9, microseconds=400_000)

    def test_over_a_change_of_the_clocks(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "cron", "cron": "30 1 * * *", "timezone": NEW_YORK, "fold": "both"})
        assert len(compared(job)) == 2

    def test_with_a_pause_that_ends(self, make_job: MakeJob) -> None:
        job = make_job(schedule=every(60))
        registry.pause(job.pk, actor="user:ana", until=START + timedelta(hours=12))
        rows = compared(job, outages=NIGHT_OUT)
        assert [reason for _, _, reason, _ in rows].count("paused") == 12

    def test_with_maintenance_and_a_calendar(self, make_job: MakeJob) -> None:
        job = make_job(schedule=every(60))
        Calendar.objects.create(tenant=job.tenant, slug="work", name="Working days", weekdays=[0, 1, 2, 3, 4])
        registry.change(job.pk, {"calendars": ["work"]}, actor="user:ana")
        Maintenance.objects.create(
            started_at=START + timedelta(hours=3),
            started_by="user:root",
            note="Disks",
            until=START + timedelta(hours=5),
        )
        rows = compared(job, outages=NIGHT_OUT)
        assert {"maintenance", "calendar_day_off"} <= {reason for _, _, reason, _ in rows}

    def test_with_a_limited_number_of_runs(self, make_job: MakeJob) -> None:
        job = make_job(schedule=every(60), policies={"max_runs": 7, "misfire": "all", "overlap": "allow"})
        assert len(compared(job, outages=NIGHT_OUT)) == 7

    @pytest.mark.parametrize("seed", range(6))
    def test_of_whatever_happens(self, make_job: MakeJob, seed: int) -> None:
        chance = random.Random(seed)
        policies = {
            "misfire": chance.choice(["none", "last", "all"]),
            "overlap": chance.choice(["allow", "skip", "queue_one", "queue_all", "replace"]),
            "misfire_cap": chance.choice([1, 3, 10]),
            "misfire_window_seconds": chance.choice([0, 3600, 86_400]),
            "late_after_seconds": chance.choice([1, 60]),
        }
        schedule = chance.choice([every(17), every(45), {"kind": "cron", "cron": "*/20 * * * *", "timezone": NEW_YORK}])
        outages = []
        for _ in range(chance.randint(1, 5)):
            down_at = START + minutes(chance.uniform(0, 15 * 60))
            outages.append(Outage(down_at, down_at + minutes(chance.uniform(0.1, 300)), chance.choice([None, 1, 2])))
        job = make_job(schedule=schedule, policies=policies)
        compared(job, outages=outages, duration=minutes(chance.choice([0.5, 19, 50, 200])))
