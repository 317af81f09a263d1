from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.rules.quiet import after_quiet, end_of_day, quiet_until
from notifications.rules.rule import QuietHours

NIGHT = QuietHours(time(22), time(6), "Europe/Berlin")
NOON = QuietHours(time(12), time(13), "UTC")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestQuietUntil:
    @pytest.mark.parametrize(
        ("hours", "at", "ends"),
        [
            (NOON, "2026-11-21 11:59:59", None),
            (NOON, "2026-11-21 12:00", "2026-11-21 13:00"),
            (NOON, "2026-11-21 13:00", None),
            (NIGHT, "2026-11-21 20:59", None),
            (NIGHT, "2026-11-21 21:00", "2026-11-22 05:00"),
            (NIGHT, "2026-11-22 04:59", "2026-11-22 05:00"),
            (NIGHT, "2026-11-22 05:00", None),
            # The night in which clocks go forward ends an hour earlier, the one in which they go back an hour later.
            (NIGHT, "2027-03-28 00:30", "2027-03-28 04:00"),
            (NIGHT, "2026-10-25 00:30", "2026-10-25 05:00"),
            # An end that clocks leave out lies as far after the gap; one that they show twice is the first.
            (QuietHours(time(1), time(2, 30), "Europe/Berlin"), "2027-03-28 00:30", "2027-03-28 01:30"),
            (QuietHours(time(1), time(2, 30), "Europe/Berlin"), "2026-10-25 00:15", "2026-10-25 00:30"),
            (QuietHours(time(1), time(2, 30), "Europe/Berlin"), "2026-10-25 01:15", None),
            (QuietHours(time(12), time(13), "Europe/Nowhere"), "2026-11-21 12:00", "2026-11-21 13:00"),
            (QuietHours(time(8), time(8), "UTC"), "2026-10-25 01:15", None),
        ],
    )
    def test_ends_as_the_clocks_of_the_zone_say(self, hours: QuietHours, at: str, ends: str | None) -> None:
        assert quiet_until(utc(at), hours) == (utc(ends) if ends else None)


class TestAfterQuiet:
    def test_goes_on_where_one_begins_as_the_other_ends(self) -> None:
        morning = QuietHours(time(6), time(8), "Europe/Berlin")
        assert after_quiet(utc("2026-11-21 23:00"), NIGHT, morning) == utc("2026-11-22 07:00")

    def test_is_the_instant_itself_without_quiet_hours(self) -> None:
        assert after_quiet(utc("2026-11-21 23:00"), None, NOON) == utc("2026-11-21 23:00")

    def test_does_not_wait_for_ever(self) -> None:
        rest = QuietHours(time(13), time(12), "UTC")
        assert after_quiet(utc("2026-11-21 12:00"), NOON, rest) < utc("2026-11-30 00:00")

    @given(
        at=st.integers(0, 2 * 365 * 86400).map(lambda seconds: utc("2026-01-01") + timedelta(seconds=seconds)),
        starts=st.times(),
        ends=st.times(),
        zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    )
    def test_is_never_quiet_and_never_further_than_a_day(
        self, at: datetime, starts: time, ends: time, zone: str
    ) -> None:
        hours = QuietHours(starts, ends, zone)
        found = after_quiet(at, hours)
        assert quiet_until(found, hours) is None
        assert at <= found <= at + timedelta(hours=25)


class TestEndOfDay:
    def test_is_midnight_of_the_zone(self) -> None:
        assert end_of_day(utc("2026-11-21 23:30"), "Europe/Berlin") == utc("2026-11-22 23:00")
        assert end_of_day(utc("2026-11-21 23:30"), "UTC") == utc("2026-11-22 00:00")
