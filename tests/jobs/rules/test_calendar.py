"""When a calendar opens again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from jobs.rules.calendar import CalendarRules

FIRST = date(2026, 1, 1)


class TestOpening:
    def test_is_found_once_for_all_days_of_a_long_stretch(self) -> None:
        days: list[date] = []

        class Asked(dict[date, str]):
            def __contains__(self, day: object) -> bool:
                days.append(FIRST)
                return super().__contains__(day)

        off = Asked({FIRST + timedelta(days=distance): "Away" for distance in range(1_000)})
        rules = CalendarRules("away", "Away", holidays=off)
        found = [rules.closed_at(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)) for hour in range(24_000)]
        assert {closed.until for closed in found if closed} == {datetime(2028, 9, 27, tzinfo=UTC)}
        assert len(days) < 26_000

    def test_is_unknown_where_no_day_is_left(self) -> None:
        mondays = {date(2026, 1, 5) + timedelta(weeks=week): "Away" for week in range(1_000)}
        rules = CalendarRules("never", "Never", weekdays=frozenset({0}), holidays=mondays)
        for day in (1, 2, 5):
            closed = rules.closed_at(datetime(2026, 1, day, tzinfo=UTC))
            assert closed is not None
            assert closed.until is None
