"""Stretches: one after the other, none twice, as the revisions say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.rules.schedule import ENGINE_VERSION, tzdata_version
from jobs.verification.expected import INSTANT, Revision, clock_went_back, stretches

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MINUTELY = {"kind": "interval", "timezone": "UTC", "every_seconds": 60}
HOURLY = {**MINUTELY, "every_seconds": 3600}


def revision(number: int, minute: int, schedule: dict[str, Any] = MINUTELY, **changes: Any) -> Revision:
    values: dict[str, Any] = {"is_in_force": True, "max_runs": None, "engine_version": ENGINE_VERSION}
    values |= {"tzdata_version": tzdata_version(), "schedule": schedule, **changes}
    return Revision(number=number, valid_from=NOON + minute * MINUTE, **values)


def spans(
    *revisions: Revision, since: datetime = NOON, until: datetime = NOON + 60 * MINUTE
) -> list[tuple[float, float]]:
    """In minutes after noon."""
    found = stretches(revisions, since=since, until=until)
    return [((each.after - NOON) / MINUTE, (each.until - NOON) / MINUTE) for each in found]


class TestStretches:
    def test_reach_from_each_revision_up_to_the_next(self) -> None:
        assert spans(revision(1, 5), revision(2, 10, HOURLY)) == [(5, 10), (10, 60)]

    def test_leave_out_what_is_not_in_force(self) -> None:
        assert spans(revision(1, 5), revision(2, 10, is_in_force=False), revision(3, 20)) == [(5, 10), (20, 60)]

    def test_go_on_where_the_schedule_stayed_the_same(self) -> None:
        assert spans(revision(1, 5), revision(2, 10), revision(3, 20)) == [(5, 60)]

    def test_begin_anew_with_other_limits_or_rules(self) -> None:
        assert spans(revision(1, 5), revision(2, 10, max_runs=3), revision(3, 20, tzdata_version="2020a")) == [
            (5, 10),
            (10, 20),
            (20, 60),
        ]

    def test_include_the_first_instant(self) -> None:
        [only] = stretches([revision(1, -10)], since=NOON, until=NOON + MINUTE)
        assert only.after == NOON - INSTANT
        assert list(only.occurrences()) == [NOON, NOON + MINUTE]

    def test_never_overlap_when_the_clock_was_set_back(self) -> None:
        history = [revision(1, 0), revision(2, 30, HOURLY), revision(3, 10)]
        assert clock_went_back(history)
        assert spans(*history) == [(0, 30), (30, 60)]

    def test_say_why_they_cannot_be_recomputed(self) -> None:
        history = [revision(1, 0, tzdata_version="2020a"), revision(2, 10, engine_version="0"), revision(3, 20)]
        found = stretches(history, since=NOON, until=NOON + 60 * MINUTE)
        assert [each.doubt for each in found] == ["judged under tzdata 2020a", "judged by engine 0", ""]
