"""Which runs are added, removed and moved, on plain lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from jobs.impact.comparison import Comparison, Move, compare

START = datetime(2026, 6, 1, tzinfo=UTC)


def at(*minutes: int) -> list[datetime]:
    return [START + timedelta(minutes=minute) for minute in minutes]


class TestCompare:
    def test_finds_no_difference_in_the_same(self) -> None:
        assert compare(at(0, 60), at(0, 60), "UTC") == Comparison((), (), (), 2)

    def test_pairs_what_has_moved_within_a_day(self) -> None:
        found = compare(at(0, 60, 120), at(5, 65, 125), "UTC")
        assert found.moved == tuple(Move(*at(minute, minute + 5)) for minute in (0, 60, 120))
        assert (found.added, found.removed, found.unchanged) == ((), (), 0)

    def test_takes_a_daily_run_three_hours_later_as_moved(self) -> None:
        assert compare(at(540), at(720), "UTC").moved == (Move(*at(540, 720)),)

    def test_takes_what_is_too_far_away_as_removed_and_added(self) -> None:
        found = compare(at(0, 60), at(31, 91), "UTC")
        assert (found.removed, found.added, found.moved) == (tuple(at(0, 60)), tuple(at(31, 91)), ())

    def test_pairs_nothing_on_a_day_with_other_counts(self) -> None:
        found = compare(at(0, 60), at(5, 60, 65), "UTC")
        assert (found.removed, found.added, found.unchanged) == (tuple(at(0)), tuple(at(5, 65)), 1)

    def test_takes_days_of_the_schedule_s_own_zone(self) -> None:
        late = at(23 * 60)  # 08:00 of the next day in Tokyo
        assert compare(late, at(24 * 60), "Asia/Tokyo").moved == (Move(late[0], at(24 * 60)[0]),)
        assert compare(late, at(24 * 60), "UTC").moved == ()
