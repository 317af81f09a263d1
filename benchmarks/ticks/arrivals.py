"""When runs were sent or announced, and what that took: a count and processor time, both seen from outside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import psycopg
import redis

from benchmarks.processes import Process, family, processor_seconds


class Source(Protocol):
    look_every: float  # seconds

    def length(self) -> int:
        """How many have arrived."""


@dataclass(frozen=True)
class Arrivals:
    """Seconds after the due instant, one per message, ascending. Processor time does not depend on who else is busy."""

    lateness: Sequence[float]
    expected: int
    processor_seconds: float
    database_processor_seconds: float

    @property
    def is_complete(self) -> bool:
        return len(self.lateness) >= self.expected

    @property
    def last(self) -> float:
        return self.lateness[-1] if self.lateness else float("nan")

    def percentile(self, percent: float) -> float:
        if not self.lateness:
            return float("nan")
        return self.lateness[min(int(len(self.lateness) * percent / 100), len(self.lateness) - 1)]


class Queue:
    """All that waits in a broker under these keys: Celery has one list per queue and priority."""

    look_every = 0.005

    def __init__(self, url: str, keys: Sequence[str]) -> None:
        self.client: redis.Redis = redis.Redis.from_url(url)
        self._keys = keys

    def length(self) -> int:
        pipeline = self.client.pipeline(transaction=False)
        for key in self._keys:
            pipeline.llen(key)
        return sum(pipeline.execute())

    def clear(self) -> None:
        self.client.flushdb()


class Announced:
    """All that is marked as announced in the database: from then on any worker finds it. Seldom looked at, since the
    look costs the database what it counts."""

    look_every = 0.05

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def length(self) -> int:
        found = self._connection.execute(
            "SELECT count(*) FROM job_executions WHERE status = 'queued' AND published_at IS NOT NULL"
        ).fetchone()
        assert found is not None
        return int(found[0])

    def close(self) -> None:
        self._connection.close()


def watch(
    source: Source, *, due_at: float, expected: int, seconds: float, scheduler: Process, postgres_pid: int
) -> Arrivals:
    """Look until all have come, or for so many seconds after they were due."""
    lateness: list[float] = []
    servers = family(postgres_pid)
    before = processor_seconds([scheduler.pid]), processor_seconds(servers)
    while len(lateness) < expected and time.time() < due_at + seconds:
        length = source.length()
        lateness += [time.time() - due_at] * (length - len(lateness))
        if not lateness:
            scheduler.expect_alive()
        time.sleep(source.look_every)
    used = processor_seconds([scheduler.pid]) - before[0], processor_seconds(servers) - before[1]
    return Arrivals(lateness, expected, *used)
