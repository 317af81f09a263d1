"""What expressions mean: against expected sets, against croniter, and day by day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from croniter import croniter

from jobs.rules.cron import EPOCH_ORDINAL, CronCalendar, calendar_of, expand
from jobs.rules.cron_spelling import cron_from_sets
from jobs.rules.cron_syntax import BadCron
from tests.jobs.rules.samples import drawn


class TestExpand:
    @pytest.mark.parametrize(
        ("text", "minutes"),
        [
            ("5-5", {5}),
            ("5-5/1", {5}),
            ("50-2", {50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 0, 1, 2}),
            ("40/10", {40, 50}),
            ("1-10/4", {1, 5, 9}),
            ("0,59,5-7", {0, 5, 6, 7, 59}),
            ("07", {7}),
            ("*/1", set(range(60))),
            ("*,5", set(range(60))),
            ("*/30,5", {0, 5, 30}),
        ],
    )
    def test_minutes(self, text: str, minutes: set[int]) -> None:
        assert expand(f"{text} * * * *").minutes == minutes

    @pytest.mark.parametrize(
        ("text", "weekdays"),
        [
            ("7", {0}),
            ("0,7", {0}),
            ("sun", {0}),
            ("mon-fri", {1, 2, 3, 4, 5}),
            ("FRI-SUN", {5, 6, 0}),
            ("5-7", {5, 6, 0}),
            ("1-7", set(range(7))),
            ("0-7", set(range(7))),
            ("7-3", {0, 1, 2, 3}),
            ("7-7", {0}),
            ("1-7/2", {1, 3, 5, 0}),
            ("1-7/3", {1, 4, 0}),
            ("2-7/2", {2, 4, 6}),
            ("1-7/4", {1, 5}),
            ("1-7/6", {1, 0}),
            ("0-7/2", {0, 2, 4, 6}),
            ("3/2", {3, 5}),
            ("*/2", {0, 2, 4, 6}),
        ],
    )
    def test_weekdays(self, text: str, weekdays: set[int]) -> None:
        assert expand(f"0 0 * * {text}").weekdays == weekdays

    def test_months_by_name(self) -> None:
        assert expand("0 0 1 JAN,mar-may,nov-feb *").months == {1, 2, 3, 4, 5, 11, 12}

    def test_ends_of_months(self) -> None:
        sets = expand("0 0 1-28,30,31,L * fri,5#2,L7")
        assert sets.last_day
        assert sets.month_days == set(range(1, 29)) | {30, 31}
        assert sets.weekdays == {5}
        assert sets.nth_weekdays == {(5, 2), (0, -1)}

    def test_restriction_is_by_value_not_by_spelling(self) -> None:
        assert not expand("0 0 1-31 * 0-6").needs_day_match
        assert not expand("0 0 */1 * mon").restricts_month_days
        assert expand("0 0 */2 * mon").needs_day_match
        assert expand("0 0 L * mon").needs_day_match
        assert expand("0 0 1 * 5#1").needs_day_match


def test_both_kinds_of_day_need_a_meaning() -> None:
    with pytest.raises(BadCron, match="Friday the 13th, as in Celery"):
        calendar_of("0 0 13 * 5", None)


@pytest.mark.parametrize(
    ("text", "match", "never"),
    [
        ("0 0 30 2 *", None, True),
        ("0 0 31 2,4,6,9,11 *", None, True),
        ("0 0 31 4,5 *", None, False),
        ("0 0 29 2 *", None, False),
        ("0 0 29 2 1", "all", False),
        ("0 0 30 2 1", "all", True),
        ("0 0 30 2 1", "any", False),
        ("0 0 1 * 5#2", "all", True),
        ("0 0 8 * 5#2", "all", False),
        ("0 0 29 2 5#5", "all", False),
        ("0 0 1-21 * L5", "all", True),
    ],
)
def test_never_comes(text: str, match: str | None, never: bool) -> None:
    calendar = calendar_of(text, match)  # type: ignore[arg-type]
    assert calendar.never_comes is never
    assert (next(calendar.days(day("2000-01-01")), None) is None) is never


@pytest.mark.parametrize(
    ("text", "match", "expected"),
    [
        ("0 0 L 1-4 *", None, ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]),
        ("0 0 30,L 2-3 *", None, ["2028-02-29", "2028-03-30", "2028-03-31"]),
        ("0 0 * 2 2#5", None, ["2028-02-29"]),
        ("0 0 * 1-3 L5", None, ["2028-01-28", "2028-02-25", "2028-03-31"]),
        ("0 0 * 1 0#1,L0", None, ["2028-01-02", "2028-01-30"]),
        ("0 0 L * 1", "all", ["2028-01-31", "2028-07-31"]),
        ("0 0 31 1-2 5#1", "any", ["2028-01-07", "2028-01-31", "2028-02-04"]),
    ],
)
def test_days_at_the_ends_of_months(text: str, match: str | None, expected: list[str]) -> None:
    days = calendar_of(text, match).days(day("2028-01-01"), day("2028-12-31"))  # type: ignore[arg-type]
    assert [date.fromordinal(number + EPOCH_ORDINAL).isoformat() for number in days] == expected


def test_days_are_cut_at_both_ends() -> None:
    calendar = calendar_of("0 0 * * *", None)
    assert list(calendar.days(10, 12)) == [10, 11, 12]
    assert list(calendar.days(12, 11)) == []
    assert list(calendar_of("0 0 1 3 *", None).days(day("2026-03-02"), day("2027-02-28"))) == []


def test_agrees_with_croniter_where_no_clock_changes() -> None:
    """In UTC, for what croniter reads alike: it mixes weekdays and #, and lists with L, in its own way."""
    compared = 0
    for rule in drawn(250, seed=3):
        if "#" in rule.cron or "L" in rule.cron:
            continue
        calendar = calendar_of(rule.cron, rule.day_match)  # type: ignore[arg-type]
        start = datetime(2027, 1, 30, 12, 7)  # noqa: DTZ001
        theirs = croniter(rule.cron, start, day_or=rule.day_match == "any", ret_type=datetime)
        for _ in range(5):
            expected = theirs.get_next()
            start = next(_after(calendar, start))
            assert start == expected, rule
            compared += 1
    assert compared > 900


def test_sets_round_trip_through_the_spelling() -> None:
    for rule in drawn(300, seed=5):
        sets = expand(rule.cron)
        fields = (sets.minutes, sets.hours, sets.month_days, sets.months, sets.weekdays)
        if all(fields):
            again = expand(cron_from_sets(*fields))
            assert (again.minutes, again.hours, again.month_days, again.months, again.weekdays) == fields


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - EPOCH_ORDINAL


def _after(calendar: CronCalendar, start: datetime):  # type: ignore[no-untyped-def]
    midnight = datetime(1970, 1, 1)  # noqa: DTZ001
    for number in calendar.days((start - midnight).days):
        for second in calendar.seconds_of_day:
            wall = midnight + timedelta(days=number, seconds=second)
            if wall > start:
                yield wall
