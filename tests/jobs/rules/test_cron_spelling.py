"""Sets of values become one expression, and the expression the same sets."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from celery.schedules import crontab
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.cron import expand
from jobs.rules.cron_spelling import cron_from_sets

ALL = (range(60), range(24), range(1, 32), range(1, 13), range(7))


def values(low: int, high: int) -> st.SearchStrategy[set[int]]:
    return st.sets(st.integers(low, high), min_size=1)


@given(values(0, 59), values(0, 23), values(1, 31), values(1, 12), values(0, 6))
def test_round_trips(minute: set[int], hour: set[int], day: set[int], month: set[int], weekday: set[int]) -> None:
    text = cron_from_sets(minute, hour, day, month, weekday)
    sets = expand(text)
    assert (sets.minutes, sets.hours, sets.month_days, sets.months, sets.weekdays) == (
        minute,
        hour,
        day,
        month,
        weekday,
    )
    assert cron_from_sets(sets.minutes, sets.hours, sets.month_days, sets.months, sets.weekdays) == text


@pytest.mark.parametrize(
    ("sets", "text"),
    [
        (ALL, "* * * * *"),
        (({0, 30}, {2}, *ALL[2:]), "*/30 2 * * *"),
        (({0}, {0}, {1}, {1, 4, 7, 10}, ALL[4]), "0 0 1 */3 *"),
        (({5, 6}, {9, 10, 11, 12, 13}, ALL[2], ALL[3], {1, 2, 3, 4, 5}), "5,6 9-13 * * 1-5"),
        (({0}, {0}, {1, 15}, ALL[3], {0, 3, 6}), "0 0 1,15 * 0,3,6"),
    ],
)
def test_is_canonical(sets: tuple[Collection[int], ...], text: str) -> None:
    assert cron_from_sets(*sets) == text


@pytest.mark.parametrize(
    "fields",
    [
        {"minute": "*/7", "hour": "22-2", "day_of_week": "fri-mon"},
        {"minute": "0", "hour": "*/4", "day_of_month": "1-7", "day_of_week": "mon"},
        {"minute": "1,2,3,10-20/5", "month_of_year": "*/2"},
    ],
)
def test_takes_over_what_celery_parsed(fields: dict[str, str]) -> None:
    theirs = crontab(**fields)
    sets = (theirs.minute, theirs.hour, theirs.day_of_month, theirs.month_of_year, theirs.day_of_week)
    ours = expand(cron_from_sets(*sets))
    assert (ours.minutes, ours.hours, ours.month_days, ours.months, ours.weekdays) == sets


@pytest.mark.parametrize("minute", [set(), {60}, {-1}])
def test_refuses_impossible_sets(minute: set[int]) -> None:
    with pytest.raises(ValueError, match="minute"):
        cron_from_sets(minute, *ALL[1:])
