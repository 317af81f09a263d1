"""Compares engine and oracle in a window around each change of the clocks, and counts what was compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zlib import crc32

from jobs.rules.schedule import ScheduleSpec, occurrences
from tests.jobs.rules import oracle
from tests.jobs.rules.oracle import Rule
from tests.jobs.rules.samples import aimed_at, with_policy

REACH = timedelta(hours=36)
PIECE = timedelta(hours=2, minutes=50)


@dataclass
class Count:
    changes: int = 0
    comparisons: int = 0
    ticks: int = 0
    differences: list[str] = field(default_factory=list)

    def add(self, other: Count) -> None:
        self.changes += other.changes
        self.comparisons += other.comparisons
        self.ticks += other.ticks
        self.differences += other.differences


def compare_around(zone: str, change: datetime, rules: Iterable[Rule]) -> Count:
    minutes = oracle.look_at(zone, change - REACH, change + REACH)
    count = Count(changes=1)
    for rule in rules:
        spec = ScheduleSpec("cron", zone, rule.cron, day_match=rule.day_match, gap=rule.gap, fold=rule.fold)
        expected = oracle.due(rule, minutes)
        actual = list(occurrences(spec, minutes.start, minutes.end))
        if _in_pieces(spec, minutes.start, minutes.end) != actual:
            count.differences.append(f"{zone} {change.isoformat()} {rule}: in pieces it is due at other instants")
        count.comparisons += 1
        count.ticks += len(expected)
        if expected != actual:
            odd = sorted(set(expected) ^ set(actual))[:3]
            count.differences.append(f"{zone} {change.isoformat()} {rule}: {[at.isoformat() for at in odd]}")
    return count


def _in_pieces(spec: ScheduleSpec, start: datetime, end: datetime) -> list[datetime]:
    """The same window asked for bit by bit, as a scheduler does: no piece knows what the one before it saw."""
    found, low = [], start
    while low < end:
        high = min(low + PIECE, end)
        found += occurrences(spec, low, high)
        low = high
    return found


def rules_for(zone: str, change: datetime, rules: list[Rule], per_change: int) -> list[Rule]:
    """A deterministic share of the rules for one change, and those aimed at it."""
    number = crc32(f"{zone} {change.isoformat()}".encode())
    chosen = [with_policy(rules[(number + i * 7919) % len(rules)], number + i) for i in range(per_change)]
    tz = oracle.zone(zone)
    before = (change - timedelta(seconds=1)).astimezone(tz)
    first_wall = min(before + timedelta(seconds=1), change.astimezone(tz), key=lambda wall: wall.replace(tzinfo=None))
    return chosen + aimed_at(first_wall.replace(tzinfo=None), number)
