"""Every policy of a job by itself, and the pairs that meet: first the pure planner, then the ledger on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Tenant
from jobs import calendars, ledger, maintenance, registry
from jobs.definition import InvalidJob
from jobs.models import Execution, Job, Maintenance, Tick
from jobs.planner import JobFacts, Pause, plan
from jobs.rules.calendar import CalendarRules, MaintenanceWindow
from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec, spread_offset
from jobs.rules.states import Misfire, Overlap
from scheduler_project.lib import transactions
from tests.jobs.conftest import database_now

START = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)

FIRED, LATE, OVERLAP = "fired", "late", "skipped overlap"
LAST, CAP, WINDOW, NONE = "coalesced misfire_last", "missed misfire_cap", "missed misfire_window", "missed misfire_none"
PAUSED, UPKEEP = "skipped paused", "skipped maintenance"
HOLIDAY, DAY_OFF, BLACKOUT = "skipped calendar_holiday", "skipped calendar_day_off", "skipped calendar_blackout"


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def blackout(since: float, until: float) -> CalendarRules:
    return CalendarRules("freeze", "Freeze", blackouts=((at(since), at(until), "Freeze"),))


def upkeep(since: float, until: float | None) -> MaintenanceWindow:
    return MaintenanceWindow(at(since), "user:root", "New disks", None if until is None else at(until))


def facts(**changes: Any) -> JobFacts:
    """Due every hour from START on."""
    policy = JobPolicy(**changes.pop("policy", {}))
    schedule = {"kind": "interval", "every_seconds": 3600, "anchor": START, **changes.pop("schedule", {})}
    return replace(JobFacts(1, ScheduleSpec(**schedule), policy, next_tick_at=START), **changes)


def outcomes(given: JobFacts, *, after_hours: float, limit: int = 1000) -> list[str]:
    made = plan(given, now=at(after_hours), limit=limit)
    return [f"{decision.outcome.value} {decision.reason}".strip() for decision in made.decisions]


ALONE: dict[str, tuple[dict[str, Any], float, list[str]]] = {
    "misfire last": ({"policy": {"misfire": Misfire.LAST}}, 2.5, [LAST, LAST, LATE]),
    "misfire none": ({"policy": {"misfire": Misfire.NONE}}, 2.5, [NONE] * 3),
    "misfire none, in time": ({"policy": {"misfire": Misfire.NONE}}, 2, [NONE, NONE, FIRED]),
    "misfire all": ({"policy": {"misfire": Misfire.ALL, "overlap": Overlap.ALLOW}}, 2.5, [LATE] * 3),
    "misfire all, capped": (
        {"policy": {"misfire": Misfire.ALL, "misfire_cap": 2, "overlap": Overlap.ALLOW}}, 2.5, [CAP, LATE, LATE],
    ),
    "max lateness": ({"policy": {"misfire_window_seconds": 5_400}}, 2.5, [WINDOW, LAST, LATE]),
    "max lateness of nothing": ({"policy": {"misfire_window_seconds": 0}}, 1.5, [WINDOW, WINDOW]),
    "late after": ({"policy": {"late_after_seconds": 7_200, "overlap": Overlap.ALLOW}}, 2, [FIRED] * 3),
    "overlap allow": ({"policy": {"overlap": Overlap.ALLOW}, "active": (1, 2)}, 0, [FIRED]),
    "overlap skip": ({"active": (1,)}, 0, [OVERLAP]),
    "overlap queue_one": ({"policy": {"overlap": Overlap.QUEUE_ONE}, "active": (1,)}, 0, [FIRED]),
    "overlap queue_one, one waits": ({"policy": {"overlap": Overlap.QUEUE_ONE}, "active": (1, 2)}, 0, [OVERLAP]),
    "overlap queue_all": ({"policy": {"overlap": Overlap.QUEUE_ALL}, "active": (1, 2, 3)}, 0, [FIRED]),
    "overlap replace": ({"policy": {"overlap": Overlap.REPLACE}, "active": (1,)}, 0, [FIRED]),
    "max instances": ({"policy": {"max_instances": 2}, "active": (1,)}, 0, [FIRED]),
    "max instances, full": ({"policy": {"max_instances": 2}, "active": (1, 2)}, 0, [OVERLAP]),
    "starts at": ({"schedule": {"start_at": at(1)}, "policy": {"overlap": Overlap.ALLOW}}, 1, [FIRED]),
    "ends at": ({"schedule": {"end_at": at(1)}}, 5, [LATE]),
    "max runs": ({"policy": {"max_runs": 1}}, 0.5, [LATE]),
    "max runs, used up": ({"policy": {"max_runs": 1}, "fired_count": 1}, 0.5, []),
    "pause": ({"pause": Pause("user:ana")}, 1, [PAUSED, PAUSED]),
    "pause until": ({"pause": Pause("user:ana", until=at(1))}, 1, [PAUSED, FIRED]),
    "calendar, blackout": ({"calendars": (blackout(0, 1),)}, 1, [BLACKOUT, FIRED]),
    "calendar, holiday": ({"calendars": (CalendarRules("c", "C", holidays={date(2026, 6, 1): "x"}),)}, 0, [HOLIDAY]),
    "calendar, day off": ({"calendars": (CalendarRules("c", "C", weekdays=frozenset({1, 2})),)}, 0, [DAY_OFF]),
    "calendar, in its zone": (
        {"calendars": (CalendarRules("c", "C", "Pacific/Kiritimati", holidays={date(2026, 6, 2): "x"}),)}, 0, [HOLIDAY],
    ),
    "maintenance": ({"maintenance": (upkeep(0, None),)}, 1, [UPKEEP, UPKEEP]),
    "maintenance, over": ({"maintenance": (upkeep(0, 1),)}, 1, [UPKEEP, FIRED]),
}  # fmt: skip

MEETING: dict[str, tuple[dict[str, Any], float, list[str]]] = {
    # The newest tick that is let in stands for the others, not the newest of all.
    "misfire last, calendar": ({"calendars": (blackout(2, 9),)}, 3.5, [LAST, LATE, BLACKOUT, BLACKOUT]),
    "misfire all, calendar": (
        {"policy": {"misfire": Misfire.ALL, "misfire_cap": 2, "overlap": Overlap.ALLOW},
         "calendars": (blackout(1, 2),)},
        3.5, [CAP, BLACKOUT, LATE, LATE],
    ),
    "misfire none, calendar": (
        {"policy": {"misfire": Misfire.NONE}, "calendars": (blackout(1, 2),)}, 2, [NONE, BLACKOUT, FIRED],
    ),
    "misfire last, pause until": ({"pause": Pause("user:ana", until=at(2))}, 3.5, [PAUSED, PAUSED, LAST, LATE]),
    "misfire last, all of them paused": ({"pause": Pause("user:ana", until=at(9))}, 2.5, [PAUSED] * 3),
    "misfire all, cap, maintenance": (
        {"policy": {"misfire": Misfire.ALL, "misfire_cap": 1, "overlap": Overlap.ALLOW},
         "maintenance": (upkeep(2, 9),)},
        3.5, [CAP, LATE, UPKEEP, UPKEEP],
    ),
    "max lateness, maintenance": (
        {"policy": {"misfire_window_seconds": 5_400}, "maintenance": (upkeep(0, 1),)}, 2.5, [UPKEEP, LAST, LATE],
    ),
    "maintenance before pause": ({"maintenance": (upkeep(0, 1),), "pause": Pause("user:ana")}, 1, [UPKEEP, PAUSED]),
    "pause before calendar": ({"pause": Pause("x", until=at(1)), "calendars": (blackout(0, 2),)}, 2,
                              [PAUSED, BLACKOUT, FIRED]),
    "two calendars, the first that is closed": (
        {"calendars": (blackout(1, 2), CalendarRules("c", "C", holidays={date(2026, 6, 1): "x"}))}, 1,
        [HOLIDAY, BLACKOUT],
    ),
    "max runs, maintenance": (
        {"policy": {"max_runs": 1, "overlap": Overlap.ALLOW}, "maintenance": (upkeep(0, 2),)}, 5,
        [UPKEEP, UPKEEP, LAST, LAST, LAST, FIRED],
    ),
    "max runs, misfire all": (
        {"policy": {"max_runs": 2, "misfire": Misfire.ALL, "overlap": Overlap.ALLOW}}, 5.5, [LATE, LATE],
    ),
    "max runs, overlap": ({"policy": {"max_runs": 1}, "active": (7,)}, 0, [OVERLAP]),
    "replace, max instances": (
        {"policy": {"overlap": Overlap.REPLACE, "max_instances": 2}, "active": (1, 2, 3)}, 0, [FIRED],
    ),
    "replace, misfire all": (
        {"policy": {"overlap": Overlap.REPLACE, "misfire": Misfire.ALL}}, 2, [LATE, LATE, FIRED],
    ),
    "queue_one, two instances": (
        {"policy": {"overlap": Overlap.QUEUE_ONE, "max_instances": 2}, "active": (1, 2)}, 0, [FIRED],
    ),
    "queue_one, two instances, one waits": (
        {"policy": {"overlap": Overlap.QUEUE_ONE, "max_instances": 2}, "active": (1, 2, 3)}, 0, [OVERLAP],
    ),
    "queue_one, misfire all": (
        {"policy": {"overlap": Overlap.QUEUE_ONE, "misfire": Misfire.ALL}}, 2, [LATE, LATE, OVERLAP],
    ),
    "skip, two instances, misfire all": (
        {"policy": {"max_instances": 2, "misfire": Misfire.ALL}}, 2, [LATE, LATE, OVERLAP],
    ),
    "allow, max instances": (
        # Side by side up to the slots; what is beyond them waits for one, and no tick is skipped.
        {"policy": {"overlap": Overlap.ALLOW, "max_instances": 1}, "active": (1, 2, 3)}, 0, [FIRED],
    ),
    "spread, blackout": (
        # The tick is judged where it is due, spread included.
        {"schedule": {"spread_seconds": 7_200, "spread_offset_seconds": 1_800}, "calendars": (blackout(0, 0.5),)},
        0.5, [FIRED],
    ),
    "end, blackout": ({"schedule": {"end_at": at(2)}, "calendars": (blackout(1, 2),)}, 9, [LATE, BLACKOUT]),
}  # fmt: skip


class TestPlanner:
    @pytest.mark.parametrize("name", ALONE)
    def test_follows_each_policy(self, name: str) -> None:
        changes, after_hours, expected = ALONE[name]
        assert outcomes(facts(**changes), after_hours=after_hours) == expected

    @pytest.mark.parametrize("name", MEETING)
    def test_follows_two_that_meet(self, name: str) -> None:
        changes, after_hours, expected = MEETING[name]
        assert outcomes(facts(**changes), after_hours=after_hours) == expected

    @pytest.mark.parametrize("name", [*ALONE, *MEETING])
    @pytest.mark.parametrize("limit", [1, 2])
    def test_decides_in_pieces_what_it_decides_at_once(self, name: str, limit: int) -> None:
        """With the executions of one piece active in the next, as the ledger has them."""
        changes, after_hours, expected = {**ALONE, **MEETING}[name]
        given, found, now = facts(**changes), [], at(after_hours)
        for _ in range(50):
            made = plan(given, now=now, limit=limit)
            found += [f"{decision.outcome.value} {decision.reason}".strip() for decision in made.decisions]
            fired = [decision for decision in made.decisions if decision.fires]
            if made.is_complete or made.next_tick_at is None:
                break
            active = given.active + tuple(range(100, 100 + len(fired)))
            given = replace(
                given, next_tick_at=made.next_tick_at, fired_count=given.fired_count + len(fired), active=active
            )
        assert found == expected

    @pytest.mark.parametrize(("misfire", "runs"), [(Misfire.LAST, 1), (Misfire.ALL, 4)])
    @pytest.mark.parametrize("closed", ["blackout", "days off", "maintenance"])
    def test_finds_what_is_let_in_behind_any_number_that_is_closed_out(
        self, misfire: Misfire, runs: int, closed: str
    ) -> None:
        """Decided in pieces, ten are let in, and then thousands are not."""
        closings: dict[str, dict[str, Any]] = {
            "blackout": {"calendars": (blackout(12, 60), blackout(60, 90))},
            "days off": {"calendars": (CalendarRules("c", "C", weekdays=frozenset({0})),)},
            "maintenance": {"maintenance": (upkeep(12, None),)},
        }
        given = facts(
            schedule={"every_seconds": 60, "anchor": at(11 + 50 / 60)},
            policy={"misfire": misfire, "misfire_cap": 4, "misfire_window_seconds": 900_000, "overlap": Overlap.ALLOW},
            next_tick_at=at(11 + 50 / 60),
            **closings[closed],
        )
        found: list[str] = []
        while len(found) < 20:
            made = plan(given, now=at(80), limit=2)
            found += [decision.outcome.value for decision in made.decisions]
            assert made.next_tick_at is not None
            given = replace(given, next_tick_at=made.next_tick_at)
        unrun = "coalesced" if misfire is Misfire.LAST else "missed"
        assert found == [unrun] * (10 - runs) + ["late"] * runs + ["skipped"] * 10


class TestSchedule:
    """The parts of a policy that the schedule has; what is due by them is proven in tests/jobs/rules."""

    @pytest.mark.parametrize(
        ("schedule", "after", "first"),
        [
            ({"cron": "30 2 * * *"}, datetime(2026, 3, 8, 5, 30, tzinfo=UTC), datetime(2026, 3, 8, 7, tzinfo=UTC)),
            ({"cron": "30 2 * * *", "gap": "skip"}, datetime(2026, 3, 8, 5, 30, tzinfo=UTC),
             datetime(2026, 3, 9, 6, 30, tzinfo=UTC)),
            ({"cron": "30 1 * * *"}, datetime(2026, 11, 1, 5, tzinfo=UTC), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
            ({"cron": "30 1 * * *", "fold": "second"}, datetime(2026, 11, 1, 5, tzinfo=UTC),
             datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
            ({"cron": "0 0 13 * 5", "day_match": "all"}, datetime(2026, 11, 1, 5, tzinfo=UTC),
             datetime(2026, 11, 13, 5, tzinfo=UTC)),
            ({"cron": "0 0 13 * 5", "day_match": "any"}, datetime(2026, 11, 1, 5, tzinfo=UTC),
             datetime(2026, 11, 6, 5, tzinfo=UTC)),
        ],
    )  # fmt: skip
    def test_decides_gap_fold_and_day_match(self, schedule: dict[str, Any], after: datetime, first: datetime) -> None:
        spec = ScheduleSpec(kind="cron", timezone="America/New_York", **schedule)
        given = JobFacts(1, spec, JobPolicy(), next_tick_at=after)
        made = plan(given, now=first, limit=10)
        assert [decision.due_at for decision in made.decisions] == [first]

    def test_spreads_by_the_job_and_not_by_chance(self) -> None:
        offsets = [spread_offset(job_id, 600) for job_id in range(1, 200)]
        assert offsets == [spread_offset(job_id, 600) for job_id in range(1, 200)]
        assert len(set(offsets)) > 100
        assert all(0 <= offset < 600 for offset in offsets)


# --- on PostgreSQL ----------------------------------------------------------------------------------------------------

MakeJob = Callable[..., Job]
EVERY_10_S = {"kind": "interval", "every_seconds": 10}


def behind(job: Job, *, seconds: float) -> None:
    """As if no scheduler had decided anything for that long."""
    since = database_now() - timedelta(seconds=seconds)
    spec = {**job.spec, "anchor": since.isoformat()}
    Job.objects.filter(pk=job.pk).update(spec=spec, next_tick_at=since)


def decide_due(**shift: float) -> None:
    with transactions.engine():
        ledger.decide_due(now=database_now() + timedelta(**shift), epoch=7)


def recorded(job: Job) -> list[str]:
    ticks = Tick.objects.filter(job=job).order_by("due_at")
    return [f"{outcome} {reason}".strip() for outcome, reason in ticks.values_list("outcome", "reason")]


def days_around() -> dict[str, str]:
    today = database_now().date()
    return {(today + timedelta(days=shift)).isoformat(): "Founders' Day" for shift in (-1, 0, 1)}


@pytest.mark.django_db
class TestLedger:
    """25 seconds behind, due every 10: three ticks."""

    @pytest.mark.parametrize(
        ("policies", "expected"),
        [
            ({"late_after_seconds": 1}, [LAST, LAST, LATE]),
            ({"late_after_seconds": 1, "misfire": "none"}, [NONE] * 3),
            ({"late_after_seconds": 1, "misfire": "all", "overlap": "allow"}, [LATE] * 3),
            ({"late_after_seconds": 1, "misfire": "all", "misfire_cap": 1, "overlap": "allow"}, [CAP, CAP, LATE]),
            ({"late_after_seconds": 1, "misfire_window_seconds": 12}, [WINDOW, WINDOW, LATE]),
            ({"overlap": "skip"}, [FIRED, OVERLAP, OVERLAP]),
            ({"overlap": "skip", "max_instances": 2}, [FIRED, FIRED, OVERLAP]),
            ({"overlap": "queue_one"}, [FIRED, FIRED, OVERLAP]),
            ({"overlap": "queue_one", "max_instances": 2}, [FIRED] * 3),
            ({"overlap": "queue_all"}, [FIRED] * 3),
            ({"overlap": "allow"}, [FIRED] * 3),
            ({"overlap": "replace"}, [FIRED] * 3),
            ({"overlap": "allow", "max_runs": 2}, [FIRED] * 2),
        ],
    )
    def test_records_each_policy(self, make_job: MakeJob, policies: dict[str, Any], expected: list[str]) -> None:
        job = make_job(schedule=EVERY_10_S, policies=policies)
        behind(job, seconds=25)
        decide_due()
        assert recorded(job) == expected
        assert Execution.objects.filter(job=job).count() == sum(one in (FIRED, LATE) for one in expected)

    def test_leaves_only_the_newest_of_those_that_replace_each_other(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S, policies={"overlap": "replace", "max_instances": 2})
        behind(job, seconds=25)
        decide_due()
        found = Execution.objects.filter(job=job).order_by("id").values_list("status", "reason")
        assert list(found) == [("cancelled", "replaced"), ("cancelled", "replaced"), ("queued", "")]

    def test_counts_no_skipped_tick_as_a_run(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S, policies={"max_runs": 1, "overlap": "allow"})
        behind(job, seconds=35)
        since = Job.objects.get(pk=job.pk).next_tick_at
        assert since is not None
        Maintenance.objects.create(
            started_at=since, started_by="user:root", note="x", ended_at=since + timedelta(seconds=15)
        )
        decide_due()
        job.refresh_from_db()
        assert recorded(job) == [UPKEEP, UPKEEP, FIRED]
        assert (job.fired_count, job.next_tick_at) == (1, None)

    def test_runs_the_newest_late_tick_that_the_calendar_lets_in(self, make_job: MakeJob, tenant: Tenant) -> None:
        since = database_now() - timedelta(seconds=12)
        data = {"name": "C", "blackouts": [
            {"name": "Freeze", "starts_at": since.isoformat(), "ends_at": (since + HOUR).isoformat()},
        ]}  # fmt: skip
        calendars.create(data, tenant=tenant, actor="user:ana")
        job = make_job(schedule=EVERY_10_S, calendars=["c"], policies={"late_after_seconds": 1})
        behind(job, seconds=25)
        decide_due()
        assert recorded(job) == [LAST, LATE, BLACKOUT]
        coalesced, late, _ = Tick.objects.filter(job=job).order_by("due_at")
        assert coalesced.blocking_id == late.execution_id

    def test_one_calendar_holds_many_jobs_back_and_only_in_its_tenant(self, make_job: MakeJob, tenant: Tenant) -> None:
        other = Tenant.objects.create(slug="other", name="Other")
        calendars.create({"name": "C"}, tenant=other, actor="user:ana")
        calendars.create({"name": "C", "holidays": days_around()}, tenant=tenant, actor="user:ana")
        ours = [make_job(schedule=EVERY_10_S, calendars=["c"]) for _ in range(2)]
        data = {"name": "x", "template": "echo", "schedule": EVERY_10_S, "calendars": ["c"]}
        theirs = registry.create(data, tenant=other, actor="user:gita", may_run_sub_minute=True)
        decide_due(seconds=11)
        assert [recorded(job) for job in (*ours, theirs)] == [[HOLIDAY], [HOLIDAY], [FIRED]]

    def test_a_pause_ends_in_time_though_nobody_has_resumed_the_job(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S)
        registry.pause(job.pk, actor="user:ana", until=database_now() + HOUR)
        behind(job, seconds=25)
        Job.objects.filter(pk=job.pk).update(paused_until=database_now() - timedelta(seconds=10))
        decide_due()
        assert recorded(job) == [PAUSED, PAUSED, FIRED]

    def test_maintenance_goes_before_pause_and_calendar(self, make_job: MakeJob, tenant: Tenant) -> None:
        calendars.create({"name": "C", "holidays": days_around()}, tenant=tenant, actor="user:ana")
        job = make_job(schedule=EVERY_10_S, calendars=["c"])
        registry.pause(job.pk, actor="user:ana")
        maintenance.start(actor="user:root", note="New disks")
        decide_due(seconds=11)
        maintenance.end(actor="user:root")
        decide_due(seconds=21)
        registry.resume(job.pk, actor="user:ana")
        assert recorded(job)[:2] in ([UPKEEP, PAUSED], [UPKEEP, UPKEEP])


@pytest.mark.django_db
class TestSubMinute:
    def test_is_refused_without_permission_whatever_else_the_policy_says(self, tenant: Tenant) -> None:
        data = {"name": "x", "template": "failing", "schedule": EVERY_10_S, "policies": {"misfire": "none"}}
        with pytest.raises(InvalidJob) as caught:
            registry.create(data, tenant=tenant, actor="user:ana")
        assert list(caught.value.fields) == ["schedule.every_seconds"]

    def test_stays_where_it_was_permitted_when_others_change_the_job(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S, template="failing")
        changed = registry.change(job.pk, {"policies": {"misfire": "none"}}, actor="user:ana")
        assert changed.schedule.every_seconds == 10
        with pytest.raises(InvalidJob):
            registry.change(job.pk, {"schedule": {"kind": "interval", "every_seconds": 5}}, actor="user:ana")


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_a_pause_waits_for_the_turn_that_decides_the_job(self, make_job: MakeJob) -> None:
        """The loser comes too late for the tick that the turn holds, and in time for the next."""
        job = make_job(schedule=EVERY_10_S)
        behind(job, seconds=5)
        results: list[Job] = []

        def pause() -> None:
            try:
                results.append(registry.pause(job.pk, actor="user:ana"))
            finally:
                connection.close()

        loser = threading.Thread(target=pause)
        with transactions.engine():
            ledger.decide_due(now=database_now(), epoch=7)
            loser.start()
            loser.join(0.3)
            assert loser.is_alive()
        loser.join(10)
        assert results[0].is_paused
        assert recorded(job) == [FIRED]
        decide_due(seconds=10)
        assert recorded(job) == [FIRED, PAUSED]

    def test_a_turn_passes_by_the_job_that_is_being_paused(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S)
        behind(job, seconds=5)
        errors: list[BaseException] = []

        def turn() -> None:
            try:
                decide_due()
            except BaseException as error:
                errors.append(error)
            finally:
                connection.close()

        with transactions.engine():
            registry.pause(job.pk, actor="user:ana")
            loser = threading.Thread(target=turn)
            loser.start()
            loser.join(10)
            assert not loser.is_alive()
        assert errors == []
        assert [tick.epoch for tick in Tick.objects.filter(job=job)] == [0]
        assert recorded(job) == [FIRED]
