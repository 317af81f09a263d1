"""What becomes of a delivery by an answer, and for how long a channel that fails is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifications.rules.answers import Answer, Came, Decision, decide, of_status, rest
from notifications.rules.kinds import SendingStatus

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def decided(answer: Answer, *, tries: int = 1, left: timedelta = DAY) -> Decision:
    return decide(answer, tries=tries, left=left, spread=0.5)


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "came"),
        [
            (200, "taken"),
            (204, "taken"),
            (299, "taken"),
            (302, "later"),
            (404, "later"),
            (500, "later"),
            (410, "refused"),
        ],
    )
    def test_means_taken_later_or_no(self, status: int, came: str) -> None:
        assert of_status(status, "").came == came

    def test_of_some_services_means_no_more_often(self) -> None:
        assert of_status(404, "", refusals=frozenset({404})).came is Came.REFUSED

    @pytest.mark.parametrize(("status", "is_heard"), [(429, True), (503, True), (500, False), (404, False)])
    def test_says_when_only_where_it_is_meant_so(self, status: int, is_heard: bool) -> None:
        assert (of_status(status, "", retry_after=MINUTE).retry_after == MINUTE) == is_heard


class TestDecide:
    def test_ends_what_was_taken_and_keeps_what_was_said_of_it(self) -> None:
        found = decided(Answer(Came.TAKEN, 250, error="1 of 2 have it."))
        assert (found.status, found.reason, found.wait) == (SendingStatus.DELIVERED, "1 of 2 have it.", None)

    def test_ends_what_was_refused_at_once(self) -> None:
        assert decided(Answer(Came.REFUSED, 410)) == Decision(
            SendingStatus.DEAD, "The receiver answered with the status 410."
        )

    def test_waits_twice_as_long_each_time_up_to_an_hour(self) -> None:
        waits = [decided(Answer(Came.LATER, 500), tries=tries).wait for tries in (1, 2, 3, 12)]
        assert waits == [timedelta(seconds=seconds) for seconds in (10, 20, 40, 3_600)]

    def test_waits_at_least_as_long_as_was_said(self) -> None:
        assert decided(Answer(Came.LATER, 429, retry_after=MINUTE)).wait == MINUTE
        assert decided(Answer(Came.LATER, 429, retry_after=MINUTE), tries=9).wait == timedelta(seconds=2_560)

    def test_gives_up_when_no_time_is_left_for_another_try(self) -> None:
        found = decided(Answer(Came.LATER, error="Nobody is there."), tries=4, left=MINUTE)
        assert (found.status, found.reason) == (SendingStatus.DEAD, "Given up after 4 tries. Nobody is there.")


class TestRest:
    @pytest.mark.parametrize(
        ("failures", "seconds"), [(0, None), (4, None), (5, 30), (6, 60), (9, 480), (10, 600), (10_000, 600)]
    )
    def test_doubles_from_so_many_failures_on_up_to_ten_minutes(self, failures: int, seconds: float | None) -> None:
        found = rest(failures, most=5, first=timedelta(seconds=30))
        assert (found.total_seconds() if found else None) == seconds

    def test_is_never_shorter_than_the_operator_says(self) -> None:
        assert rest(5, most=5, first=timedelta(hours=1)) == timedelta(hours=1)
