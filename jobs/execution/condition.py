"""Whether a worker is well, and in words what it lacks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"

SLOW, VERY_SLOW = 1.0, 5.0  # seconds that the database takes for a heartbeat
REMEMBER_AWAY = 60.0  # seconds after the database came back
BROKER_PATIENCE = 15.0  # seconds; shorter absences mend themselves
DEATHS_WITHIN = timedelta(minutes=5)
FEW_DEATHS, MANY_DEATHS = 3, 10
NEAR = 0.9  # of a limit of memory
MEBIBYTE = 1024**2


@dataclass(frozen=True)
class Findings:
    """What the attendant has seen since its last heartbeat; times in seconds."""

    beat_took: float = 0.0
    database_away: float = 0.0
    """How long no heartbeat could be written, when that ended less than a minute ago."""
    broker_away: float = 0.0
    silent: float = 0.0
    """How long no message has come, though some wait and a process is free."""
    deaths: int = 0
    largest: tuple[int, int] | None = None
    """Process id and bytes of the largest child."""
    limit_mb: int | None = None
    share_of_container: float | None = None


@dataclass(frozen=True)
class Condition:
    health: str
    trouble: str


def judge(found: Findings) -> Condition:
    """The worst that was found, and all of it in words."""
    troubles = sorted(_troubles(found), reverse=True)
    worst = troubles[0][0] if troubles else 0
    return Condition((HEALTHY, DEGRADED, UNHEALTHY)[worst], " ".join(words for _, words in troubles)[:500])


def _troubles(found: Findings) -> Iterator[tuple[int, str]]:
    if found.beat_took > SLOW:
        yield 1 + (found.beat_took > VERY_SLOW), f"The database took {found.beat_took:.1f} s for a heartbeat."
    if found.database_away:
        yield 1, f"The database did not answer for {found.database_away:.0f} s, until less than a minute ago."
    if found.broker_away > BROKER_PATIENCE:
        yield 2, f"The broker has not answered for {found.broker_away:.0f} s, so nothing new reaches this worker."
    if found.silent:
        yield 2, f"No message has come for {found.silent:.0f} s, though some wait and a process is free."
    if found.deaths >= FEW_DEATHS:
        minutes = int(DEATHS_WITHIN.total_seconds() // 60)
        yield 1 + (found.deaths >= MANY_DEATHS), f"{found.deaths} of its processes died in the last {minutes} minutes."
    if found.largest and found.limit_mb and found.largest[1] > NEAR * found.limit_mb * MEBIBYTE:
        pid, size = found.largest
        yield 1, f"Process {pid} uses {size // MEBIBYTE} MB of the {found.limit_mb} MB at which it is replaced."
    if found.share_of_container is not None and found.share_of_container > NEAR:
        yield 1, f"The container has used {found.share_of_container:.0%} of its memory."


class Deaths:
    """Processes that died before their time, in the last minutes."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque(maxlen=1000)

    def note(self) -> None:
        self._times.append(self._clock())

    def count(self) -> int:
        since = self._clock() - DEATHS_WITHIN.total_seconds()
        return sum(at > since for at in self._times)
