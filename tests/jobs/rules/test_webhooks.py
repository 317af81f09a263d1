"""When a delivery that was not taken is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.rules.webhooks import GIVE_UP_AFTER, Answer, DeliveryStatus, backoff, judge, retry_after

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def verdict(answer: Answer, *, tries: int = 1, left: timedelta = DAY) -> tuple[str, float | None]:
    found = judge(answer, tries=tries, left=left, spread=0.5)
    return found.status, found.wait.total_seconds() if found.wait is not None else None


class TestJudge:
    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    def test_counts_any_2xx_as_taken(self, status: int) -> None:
        assert verdict(Answer(status=status)) == ("delivered", None)

    @pytest.mark.parametrize("status", [100, 301, 302, 400, 401, 404, 429, 500, 503])
    def test_tries_all_else_again(self, status: int) -> None:
        assert verdict(Answer(status=status)) == ("waiting", 10)

    def test_waits_twice_as_long_each_time_up_to_an_hour(self) -> None:
        waits = [backoff(tries, spread=0.5).total_seconds() for tries in range(1, 12)]
        assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]

    def test_spreads_by_half(self) -> None:
        assert backoff(1, spread=0) == timedelta(seconds=5)
        assert backoff(10**9, spread=0.999) < timedelta(minutes=90)

    def test_gives_up_when_the_day_would_be_over(self) -> None:
        found = judge(Answer(error="It is closed."), tries=30, left=timedelta(minutes=50), spread=0.5)
        assert (found.status, found.reason) == (DeliveryStatus.DEAD, "Given up after 30 tries. It is closed.")

    def test_tries_for_about_a_day(self) -> None:
        total, tries = timedelta(), 0
        while (found := judge(Answer(status=500), tries=tries + 1, left=GIVE_UP_AFTER - total, spread=0.5)).wait:
            total, tries = total + found.wait, tries + 1
        assert timedelta(hours=22) < total < timedelta(hours=24)
        assert tries == 31

    @pytest.mark.parametrize(("status", "wait"), [(429, 120), (503, 120), (500, 10), (404, 10)])
    def test_honours_what_a_busy_receiver_says(self, status: int, wait: int) -> None:
        assert verdict(Answer(status=status, retry_after=timedelta(minutes=2))) == ("waiting", wait)

    def test_does_not_come_sooner_than_it_would(self) -> None:
        assert verdict(Answer(status=503, retry_after=timedelta())) == ("waiting", 10)

    def test_gives_up_on_who_says_a_time_beyond_the_day(self) -> None:
        assert verdict(Answer(status=503, retry_after=timedelta(days=400)))[0] == "dead"

    def test_ends_at_once_with_410_and_with_an_address_that_is_not_allowed(self) -> None:
        assert verdict(Answer(status=410)) == ("dead", None)
        assert verdict(Answer(error="10.0.0.1 is not a public address.", is_refused=True)) == ("dead", None)


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("120", 120), (" 0 ", 0), ("Sat, 21 Nov 2026 09:02:00 GMT", 120), ("Sat, 21 Nov 2026 08:00:00 GMT", 0),
            ("", None), ("-1", None), ("1.5", None), ("soon", None), ("٣", None), ("99999999999999", 10**8),
        ],
    )  # fmt: skip
    def test_reads_seconds_and_instants(self, text: str, seconds: int | None) -> None:
        found = retry_after(text, now=NOW)
        assert found == (None if seconds is None else timedelta(seconds=seconds))
