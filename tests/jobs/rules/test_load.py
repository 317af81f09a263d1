"""The arithmetic of a forecast, beside counting by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules import load
from jobs.rules.load import Herd, HourOfQueue, Peak, Start

T0 = datetime(2026, 5, 1, 2, tzinfo=UTC)
NIGHT = {"since": T0, "until": T0 + timedelta(hours=2)}


def start(minutes: float, seconds: float | None = 60, *, job: int = 1, queue: str = "default") -> Start:
    return Start(job, queue, T0 + timedelta(minutes=minutes), seconds)


class TestByHour:
    def test_sums_work_by_queue_and_hour(self) -> None:
        starts = [start(0), start(59, 30), start(60), start(10, queue="mail"), start(20, None)]
        assert load.by_hour(starts) == [
            HourOfQueue(T0, "default", 3, 90, 1),
            HourOfQueue(T0, "mail", 1, 60, 0),
            HourOfQueue(T0 + timedelta(hours=1), "default", 1, 60, 0),
        ]

    def test_has_nothing_to_say_of_nothing(self) -> None:
        assert load.by_hour([]) == []


class TestHerds:
    def test_names_the_fullest_minutes_and_a_free_one_beside_each(self) -> None:
        starts = [start(5, job=job) for job in (1, 2, 3)] + [start(30.5, job=job) for job in (1, 2)] + [start(6, job=9)]
        assert load.herds(starts, **NIGHT, most=5) == [
            Herd(T0 + timedelta(minutes=5), 3, (1, 2, 3), T0 + timedelta(minutes=4), 0),
            Herd(T0 + timedelta(minutes=30), 2, (1, 2), T0 + timedelta(minutes=31), 0),
        ]
        assert len(load.herds(starts, **NIGHT, most=1)) == 1

    def test_one_job_alone_is_none(self) -> None:
        assert load.herds([start(5.1), start(5.5)], **NIGHT, most=5) == []

    def test_proposes_nothing_outside_the_window(self) -> None:
        starts = [start(0, job=job) for job in (1, 2)]
        (herd,) = load.herds(starts, since=T0, until=T0 + timedelta(minutes=2), most=5)
        assert herd.free == T0 + timedelta(minutes=1)

    def test_proposes_the_least_full_where_none_is_free(self) -> None:
        starts = [start(minute, job=job) for minute in range(120) for job in (1, 2)] + [start(60, job=3)]
        (herd, *_) = load.herds(starts, **NIGHT, most=1)
        assert (herd.minute, herd.free, herd.free_starts) == (
            T0 + timedelta(minutes=60),
            T0 + timedelta(minutes=61),
            2,
        )


class TestPeak:
    @pytest.mark.parametrize(
        ("starts", "expected"),
        [
            ([], Peak(0, None)),
            ([start(1)], Peak(1, T0 + timedelta(minutes=1))),
            ([start(1), start(2)], Peak(1, T0 + timedelta(minutes=1))),  # one ends where the next begins
            ([start(1, 61), start(2)], Peak(2, T0 + timedelta(minutes=2))),
            ([start(1), start(1, None)], Peak(1, T0 + timedelta(minutes=1))),
        ],
    )
    def test_is_the_most_runs_at_once(self, starts: list[Start], expected: Peak) -> None:
        assert load.peak(starts) == expected

    @given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), max_size=30))
    def test_is_what_looking_at_every_second_finds(self, runs: list[tuple[int, int]]) -> None:
        starts = [Start(1, "q", T0 + timedelta(seconds=at), length) for at, length in runs]
        counted = [sum(at <= second < at + length for at, length in runs) for second in range(81)]
        assert load.peak(starts).running == max(counted)


class TestQuietest:
    @pytest.mark.parametrize(
        ("counts", "near", "expected"),
        [({0: 5}, 0, 1), ({0: 5, 1: 1}, 0, 2), ({5: 3}, 5, 6), ({5: 3, 6: 1}, 5, 4), ({59: 2}, 59, 58)],
    )
    def test_is_free_and_near(self, counts: dict[int, int], near: int, expected: int) -> None:
        assert load.quietest(counts, near, range(60)) == expected


@pytest.mark.parametrize(
    ("expected", "actual", "percent"), [(0, 0, 0.0), (5, 0, None), (110, 100, 10.0), (50, 100, -50.0), (1, 3, -66.7)]
)
def test_the_error_is_a_share_of_what_was(expected: float, actual: float, percent: float | None) -> None:
    assert load.error_percent(expected, actual) == percent
