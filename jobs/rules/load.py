"""The arithmetic of a forecast: work per hour and queue, minutes with many starts, runs at once, how wrong it was."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
NEAR = 30


@dataclass(frozen=True)
class Start:
    """A run that is expected to begin. `seconds` is how long it should take, None where nobody knows."""

    job_id: int
    queue: str
    at: datetime
    seconds: float | None = None


@dataclass(frozen=True)
class HourOfQueue:
    hour: datetime
    queue: str
    ticks: int
    seconds: float  # the work of those whose duration is known
    unknown: int  # ticks whose duration is not


@dataclass(frozen=True)
class Herd:
    """A minute in which several jobs start, and the quietest one near it."""

    minute: datetime
    starts: int
    job_ids: tuple[int, ...]
    free: datetime
    free_starts: int


@dataclass(frozen=True)
class Peak:
    """The most runs at once, and when that is reached first."""

    running: int
    at: datetime | None


def by_hour(starts: Iterable[Start]) -> list[HourOfQueue]:
    """A run counts as a whole where it starts."""
    ticks: Counter[tuple[datetime, str]] = Counter()
    unknown: Counter[tuple[datetime, str]] = Counter()
    seconds: defaultdict[tuple[datetime, str], float] = defaultdict(float)
    for start in starts:
        key = start.at.replace(minute=0, second=0, microsecond=0), start.queue
        ticks[key] += 1
        if start.seconds is None:
            unknown[key] += 1
        else:
            seconds[key] += start.seconds
    return [
        HourOfQueue(hour, queue, ticks[hour, queue], seconds[hour, queue], unknown[hour, queue])
        for hour, queue in sorted(ticks)
    ]


def herds(starts: Iterable[Start], *, since: datetime, until: datetime, most: int, jobs_shown: int = 20) -> list[Herd]:
    """The minutes with the most starts, the fullest first; one job alone is no herd. What is proposed lies within half
    an hour of it and in the window."""
    minutes: defaultdict[datetime, list[int]] = defaultdict(list)
    for start in starts:
        minutes[minute_of(start.at)].append(start.job_id)
    counts = {minute: len(jobs) for minute, jobs in minutes.items()}
    full = [minute for minute, jobs in minutes.items() if len(set(jobs)) > 1]
    full.sort(key=lambda minute: (-counts[minute], minute))
    found = []
    for minute in full[:most]:
        near = [other for other in _around(minute) if since <= other < until] or [minute]
        free = min(near, key=lambda other: (counts.get(other, 0), abs(other - minute), minute - other))
        jobs = tuple(dict.fromkeys(minutes[minute]))[:jobs_shown]
        found.append(Herd(minute, counts[minute], jobs, free, counts.get(free, 0)))
    return found


def _around(minute: datetime) -> list[datetime]:
    return [minute + distance * MINUTE for distance in range(-NEAR, NEAR + 1)]


def peak(starts: Iterable[Start]) -> Peak:
    """Were each run to begin at its instant. Those of unknown duration are left out."""
    changes: list[tuple[datetime, int]] = []
    for start in starts:
        if start.seconds is not None:
            changes.append((start.at, 1))
            changes.append((start.at + timedelta(seconds=start.seconds), -1))
    changes.sort()  # at the same instant, what ends comes before what begins
    running, best = 0, Peak(0, None)
    for at, change in changes:
        running += change
        if running > best.running:
            best = Peak(running, at)
    return best


def minute_of(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def quietest(counts: Mapping[int, int], near: int, candidates: Iterable[int]) -> int:
    """Of these minutes the one with the fewest starts; among equals the one nearest to `near`, the later first."""
    return min(candidates, key=lambda minute: (counts.get(minute, 0), abs(minute - near), -minute))


def error_percent(expected: float, actual: float) -> float | None:
    """By how much the forecast was off, of what really was; positive is too much. None when nothing was."""
    if not actual:
        return 0.0 if not expected else None
    return round(100 * (expected - actual) / actual, 1)
