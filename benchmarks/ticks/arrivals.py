"""When messages reached the broker, and what that took: the queue's length and processor time, seen from outside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from benchmarks.processes import Process, family, processor_seconds

LOOK_EVERY = 0.005


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


def watch(
    queue: Queue, *, due_at: float, expected: int, seconds: float, scheduler: Process, postgres_pid: int
) -> Arrivals:
    """Look until all have come, or for so many seconds after they were due."""
    lateness: list[float] = []
    servers = family(postgres_pid)
    before = processor_seconds([scheduler.pid]), processor_seconds(servers)
    while len(lateness) < expected and time.time() < due_at + seconds:
        length = queue.length()
        lateness += [time.time() - due_at] * (length - len(lateness))
        if not lateness:
            scheduler.expect_alive()
        time.sleep(LOOK_EVERY)
    used = processor_seconds([scheduler.pid]) - before[0], processor_seconds(servers) - before[1]
    return Arrivals(lateness, expected, *used)
