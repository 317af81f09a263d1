"""Schedules in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobs.rules.schedule import ScheduleSpec, describe


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("* * * * *", "Every minute"),
        ("0-59 * * * *", "Every minute"),
        ("*/20 * * * *", "Every 20 minutes"),
        ("0 * * * *", "Every hour"),
        ("0 */2 * * *", "Every 2 hours"),
        ("5 * * * *", "At 5 minutes past the hour"),
        ("30 2 * * *", "At 02:30"),
        ("0 8,20 * * *", "At 08:00 and 20:00"),
        ("15,45 9,17 * * *", "At 09:15, 09:45, 17:15 and 17:45"),
        ("0 9-17 * * 1-5", "Every hour from 09:00 to 17:00, on Monday to Friday"),
        ("0 0 * * 0,6", "At 00:00, on Saturday and Sunday"),
        ("0 0 1 jan,jul *", "At 00:00, on day 1 of the month, in January and July"),
        ("0 0 1,15 * *", "At 00:00, on days 1 and 15 of the month"),
        ("0 0 1-7,15 * *", "At 00:00, on days 1 to 7 and 15 of the month"),
        ("0 0 L * *", "At 00:00, on the last day of the month"),
        ("0 0 15,L * *", "At 00:00, on day 15 of the month and the last day of the month"),
        ("0 0 * * 5#2", "At 00:00, on the second Friday of the month"),
        ("0 0 * * 1#1,L5", "At 00:00, on the first Monday of the month and the last Friday of the month"),
        ("* 1-3 * * *", "Every minute, between 01:00 and 03:59"),
    ],
)
def test_cron(cron: str, words: str) -> None:
    assert describe(ScheduleSpec("cron", "Europe/Berlin", cron)) == f"{words} (Europe/Berlin)"


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ("all", "At 00:00, on day 13 of the month if that is Friday (UTC)"),
        ("any", "At 00:00, on day 13 of the month and also on Friday (UTC)"),
    ],
)
def test_day_match_is_said(match: str, words: str) -> None:
    assert describe(ScheduleSpec("cron", cron="0 0 13 * 5", day_match=match)) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (900, "Every 15 minutes"),
        (60, "Every minute"),
        (3600, "Every hour"),
        (5400, "Every 1 hour 30 minutes"),
        (7 * 86400, "Every 7 days"),
        (30, "Every 30 seconds"),
    ],
)
def test_intervals(seconds: int, words: str) -> None:
    assert describe(ScheduleSpec("interval", every_seconds=seconds)) == f"{words} (UTC)"


def test_once_in_its_zone() -> None:
    spec = ScheduleSpec("once", "Europe/Berlin", at=datetime(2026, 11, 1, 8, tzinfo=UTC))
    assert describe(spec) == "Once on 1 November 2026 at 09:00 (Europe/Berlin)"


def test_manual() -> None:
    assert describe(ScheduleSpec("manual")) == "Only by hand"


def test_spread_and_bounds() -> None:
    spec = ScheduleSpec(
        "cron",
        cron="0 * * * *",
        spread_seconds=600,
        spread_offset_seconds=90,
        start_at=datetime(2026, 1, 1, tzinfo=UTC),
        end_at=datetime(2026, 2, 1, 12, 0, 5, tzinfo=UTC),
    )
    assert describe(spec) == (
        "Every hour, always 1 minute 30 seconds later, from 1 January 2026 at 00:00, "
        "until 1 February 2026 at 12:00:05 (UTC)"
    )
