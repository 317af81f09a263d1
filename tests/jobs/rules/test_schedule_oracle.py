"""The engine against the brute-force oracle, sampled over all zones; `prove` is the long form of this file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zlib import crc32

import pytest

from tests.jobs.rules import oracle
from tests.jobs.rules.comparison import Count, compare_around, rules_for
from tests.jobs.rules.oracle import Rule
from tests.jobs.rules.samples import HAND_PICKED, POLICIES, drawn, with_policy

# What is not a plain hour of summer time: the size of the change, or the place of it.
ODD_CHANGES = (
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Pacific/Kwajalein", datetime(1969, 9, 30, 13, tzinfo=UTC)),
    ("Pacific/Kwajalein", datetime(1993, 8, 21, 12, tzinfo=UTC)),
    ("Pacific/Fakaofo", datetime(2011, 12, 30, 11, tzinfo=UTC)),
    ("Pacific/Kiritimati", datetime(1994, 12, 31, 10, 40, tzinfo=UTC)),
    ("Pacific/Enderbury", datetime(1994, 12, 31, 11, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Africa/Monrovia", datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2026, 2, 15, 2, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2026, 3, 22, 2, tzinfo=UTC)),
    ("Europe/Dublin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Dublin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/St_Johns", datetime(1988, 4, 3, 3, 31, tzinfo=UTC)),
    ("America/St_Johns", datetime(2006, 10, 29, 2, 31, tzinfo=UTC)),
    ("America/Caracas", datetime(2007, 12, 9, 7, tzinfo=UTC)),
    ("Asia/Pyongyang", datetime(2015, 8, 14, 15, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(1985, 12, 31, 18, 30, tzinfo=UTC)),
    ("Antarctica/Casey", datetime(2010, 3, 4, 15, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Asia/Gaza", datetime(2011, 7, 31, 21, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
    ("Asia/Amman", datetime(2022, 10, 27, 22, tzinfo=UTC)),
    ("America/Juneau", datetime(1983, 10, 30, 9, tzinfo=UTC)),
)


@pytest.mark.parametrize(("zone", "change"), ODD_CHANGES, ids=lambda value: str(value))
def test_agrees_at_each_odd_change_under_every_policy(zone: str, change: datetime) -> None:
    rules = [with_policy(rule, number) for number, rule in enumerate(HAND_PICKED)]
    rules += [with_policy(Rule("*/10 * 1-31 * *"), n) for n in range(2)]
    for number in range(len(POLICIES)):
        rules += [*rules_for(zone, change, list(HAND_PICKED), 1), with_policy(Rule("*/5 0-3,22,23 * * *"), number)]
    assert _differences(compare_around(zone, change, rules)) == []


@pytest.mark.long
def test_agrees_around_one_change_of_every_zone() -> None:
    total = Count()
    rules = drawn(150)
    for zone in oracle.all_zones():
        if change := _some_change(zone):
            total.add(compare_around(zone, change, rules_for(zone, change, rules, 1)[:3]))
    assert _differences(total) == []
    assert total.changes > 400  # the other zones have kept their offset since 1970
    assert total.ticks > 50_000


def test_agrees_where_nothing_changes() -> None:
    total = Count()
    for number, rule in enumerate(drawn(60, seed=7)):
        zone = ("UTC", "Asia/Kolkata", "Pacific/Kiritimati", "Etc/GMT+12")[number % 4]
        total.add(compare_around(zone, datetime(2028, 2, 28, tzinfo=UTC) + timedelta(days=11 * number), [rule]))
    assert _differences(total) == []


def _some_change(zone: str) -> datetime | None:
    """The first change after a year that depends on the zone's name, up to 2040."""
    year = 1970 + crc32(zone.encode()) % 66
    for first in (year, 1970):
        start = datetime(first, 1, 1, tzinfo=UTC)
        end = datetime(2041, 1, 1, tzinfo=UTC)
        if found := next(oracle.offset_changes(zone, start, end, timedelta(days=3)), None):
            return found
    return None


def _differences(count: Count) -> list[str]:
    return count.differences[:5]
