"""The New York nights of the design, each as the ledger would have it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import InvalidSchedule, ScheduleSpec
from jobs.simulation import Outage, Simulated, SimulatedJob, simulate

NEW_YORK = "America/New_York"
BACK = (datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 2, 4, 59, 59, tzinfo=UTC))
FORWARD = (datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 9, 3, 59, 59, tzinfo=UTC))


def night(window: tuple[datetime, datetime], **schedule: Any) -> Simulated:
    spec = ScheduleSpec.parse({"kind": "cron", "timezone": NEW_YORK, **schedule})
    return simulate([SimulatedJob("job", spec)], *window)


def local(found: Simulated) -> list[str]:
    assert {row.outcome for row in found.ledger} <= {"fired"}
    return [row.local.isoformat()[5:] for row in found.ledger]


class TestClocksBack:
    def test_every_twenty_minutes_has_every_real_occurrence(self) -> None:
        found = local(night(BACK, cron="*/20 * * * *"))
        assert len(found) == 25 * 3
        assert found[3:9] == [
            *("11-01T01:00:00-04:00", "11-01T01:20:00-04:00", "11-01T01:40:00-04:00"),
            *("11-01T01:00:00-05:00", "11-01T01:20:00-05:00", "11-01T01:40:00-05:00"),
        ]

    @pytest.mark.parametrize(
        ("fold", "expected"),
        [
            ("first", ["11-01T01:30:00-04:00"]),
            ("second", ["11-01T01:30:00-05:00"]),
            ("both", ["11-01T01:30:00-04:00", "11-01T01:30:00-05:00"]),
        ],
    )
    def test_half_past_one_is_due_as_the_fold_policy_says(self, fold: str, expected: list[str]) -> None:
        assert local(night(BACK, cron="30 1 * * *", fold=fold)) == expected

    def test_first_is_the_default(self) -> None:
        assert local(night(BACK, cron="30 1 * * *")) == ["11-01T01:30:00-04:00"]


class TestClocksForward:
    @pytest.mark.parametrize(("gap", "expected"), [("shift", ["03-08T03:00:00-04:00"]), ("skip", [])])
    def test_half_past_two_is_due_as_the_gap_policy_says(self, gap: str, expected: list[str]) -> None:
        assert local(night(FORWARD, cron="30 2 * * *", gap=gap)) == expected

    def test_shift_is_the_default(self) -> None:
        assert local(night(FORWARD, cron="30 2 * * *")) == ["03-08T03:00:00-04:00"]


class TestDates:
    def test_friday_the_thirteenth_needs_to_be_told_how_days_match(self) -> None:
        with pytest.raises(InvalidSchedule):
            night(BACK, cron="0 0 13 * 5")

    def test_friday_the_thirteenth_of_2026(self) -> None:
        spec = ScheduleSpec.parse({"kind": "cron", "cron": "0 0 13 * 5", "day_match": "all", "timezone": NEW_YORK})
        found = simulate(
            [SimulatedJob("job", spec)], datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
        )
        assert [row.local.date().isoformat() for row in found.ledger] == ["2026-02-13", "2026-03-13", "2026-11-13"]


class TestOutages:
    def test_a_daily_job_missed_while_all_were_down_runs_late_and_on_time_the_next_day(self) -> None:
        spec = ScheduleSpec.parse({"kind": "cron", "cron": "0 9 * * *", "timezone": NEW_YORK})
        start = datetime(2026, 11, 1, tzinfo=UTC)
        down = Outage(datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 11, 1, 18, tzinfo=UTC))
        found = simulate([SimulatedJob("job", spec)], start, start + timedelta(days=3), outages=[down])
        rows = [(row.local.isoformat()[5:], row.outcome, row.decided_at) for row in found.ledger]
        assert rows == [
            ("11-01T09:00:00-05:00", "late", down.end),
            ("11-02T09:00:00-05:00", "fired", datetime(2026, 11, 2, 14, tzinfo=UTC)),
            ("11-03T09:00:00-05:00", "fired", datetime(2026, 11, 3, 14, tzinfo=UTC)),
        ]

    def test_a_daily_job_that_makes_up_for_nothing_says_so(self) -> None:
        spec = ScheduleSpec.parse({"kind": "cron", "cron": "0 9 * * *", "timezone": NEW_YORK})
        job = SimulatedJob("job", spec, JobPolicy.parse({"misfire": "none"}))
        start = datetime(2026, 11, 1, tzinfo=UTC)
        down = Outage(datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 11, 1, 18, tzinfo=UTC))
        found = simulate([job], start, start + timedelta(days=1), outages=[down])
        assert [(row.outcome, row.reason) for row in found.ledger] == [("missed", "misfire_none")]

    def test_a_weekly_interval_fires_though_the_scheduler_is_restarted_every_day(self) -> None:
        start = datetime(2026, 10, 26, 15, tzinfo=UTC)
        spec = ScheduleSpec.parse(
            {"kind": "interval", "every_seconds": 7 * 86_400, "anchor": start.isoformat(), "timezone": NEW_YORK}
        )
        restarts = [
            Outage(start + timedelta(days=day, hours=1), start + timedelta(days=day, hours=1, seconds=30))
            for day in range(28)
        ]
        found = simulate([SimulatedJob("job", spec)], start, start + timedelta(days=28), schedulers=1, outages=restarts)
        assert [row.due_at for row in found.ledger] == [start + timedelta(days=7 * week) for week in range(5)]
        assert {row.outcome for row in found.ledger} == {"fired"}
        assert len(found.leads) == 29
