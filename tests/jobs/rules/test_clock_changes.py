"""What previews say about the nights on which the clocks change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobs.rules.schedule import ScheduleSpec, clock_change_notes, occurrences
from tests.jobs.rules.samples import POLICIES

YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
NIGHTLY = ScheduleSpec("cron", "America/New_York", "30 1,2 * * *")


def test_both_nights_of_a_year() -> None:
    gap, fold = clock_change_notes(NIGHTLY, *YEAR)
    assert (gap.kind, gap.effect, gap.wall_times) == ("gap", "shifted", 1)
    assert gap.at == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert gap.due == (datetime(2026, 3, 8, 7, tzinfo=UTC),)
    assert (fold.kind, fold.effect, fold.wall_times) == ("fold", "first", 1)
    assert fold.at == datetime(2026, 11, 1, 6, tzinfo=UTC)
    assert fold.due == (datetime(2026, 11, 1, 5, 30, tzinfo=UTC),)


def test_says_it_in_words() -> None:
    gap, fold = clock_change_notes(NIGHTLY, *YEAR)
    assert gap.text == (
        "The clocks of America/New_York leave out 2026-03-08 02:00 to 2026-03-08 03:00. "
        "Runs due in that time: 1; one run at the first minute after it stands for them."
    )
    assert fold.text == (
        "The clocks of America/New_York repeat 2026-11-01 01:00 to 2026-11-01 02:00. "
        "Runs due in that time: 1; only in the first pass."
    )


@pytest.mark.parametrize(("gap", "fold"), POLICIES)
def test_every_tick_it_names_is_due(gap: str, fold: str) -> None:
    spec = replace(NIGHTLY, cron="*/20 0-2 * * *", gap=gap, fold=fold)
    missing, repeated = clock_change_notes(spec, *YEAR)
    assert len(missing.due) == (1 if gap == "shift" else 0)
    assert len(repeated.due) == (6 if fold == "both" else 3)
    for note in (missing, repeated):
        around = set(occurrences(spec, note.at - timedelta(hours=3), note.at + timedelta(hours=3)))
        assert set(note.due) <= around
        assert note.text


def test_real_time_is_said_and_names_no_ticks() -> None:
    notes = clock_change_notes(replace(NIGHTLY, cron="0 * * * *"), *YEAR)
    assert [(note.kind, note.effect, note.due) for note in notes] == [
        ("gap", "real_time", ()),
        ("fold", "real_time", ()),
    ]


def test_schedules_that_are_not_touched_have_no_notes() -> None:
    assert clock_change_notes(replace(NIGHTLY, cron="30 9 * * *"), *YEAR) == []
    assert clock_change_notes(replace(NIGHTLY, cron="30 2 * * 1"), *YEAR) == []
    assert clock_change_notes(replace(NIGHTLY, timezone="Asia/Kolkata"), *YEAR) == []
    assert clock_change_notes(ScheduleSpec("interval", "America/New_York", every_seconds=60), *YEAR) == []


def test_changes_outside_the_bounds_of_the_schedule_are_left_out() -> None:
    from_june = replace(NIGHTLY, start_at=datetime(2026, 6, 1, tzinfo=UTC))
    assert [note.kind for note in clock_change_notes(from_june, *YEAR)] == ["fold"]
    until_june = replace(NIGHTLY, end_at=datetime(2026, 6, 1, tzinfo=UTC))
    assert [note.kind for note in clock_change_notes(until_june, *YEAR)] == ["gap"]
    assert clock_change_notes(NIGHTLY, YEAR[1], YEAR[0]) == []


def test_spread_is_in_what_is_due() -> None:
    spec = replace(NIGHTLY, spread_seconds=600, spread_offset_seconds=90)
    for note in clock_change_notes(spec, *YEAR):
        assert set(note.due) <= set(occurrences(spec, note.at - timedelta(days=1), note.at + timedelta(days=1)))


def test_a_whole_day_that_is_left_out() -> None:
    spec = ScheduleSpec("cron", "Pacific/Apia", "0 */6 30 12 *")
    window = (datetime(2011, 12, 1, tzinfo=UTC), datetime(2012, 1, 15, tzinfo=UTC))
    (note,) = clock_change_notes(spec, *window)
    assert (note.wall_times, note.effect) == (4, "shifted")
    assert note.wall_until - note.wall_from == timedelta(days=1)
