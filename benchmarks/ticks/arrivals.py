"""When messages reached the broker, seen from outside: the length of the queue, looked at every few milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import redis

LOOK_EVERY = 0.005


@dataclass(frozen=True)
class Arrivals:
    """Seconds after the due instant, one per message, ascending."""

    lateness: Sequence[float]
    expected: int

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


def watch(queue: Queue, *, due_at: float, expected: int, seconds: float, check: Callable[[], None]) -> Arrivals:
    """Look until all have come, or for so many seconds after they were due. `check` may end it all."""
    lateness: list[float] = []
    while len(lateness) < expected and time.time() < due_at + seconds:
        length = queue.length()
        lateness += [time.time() - due_at] * (length - len(lateness))
        if not lateness:
            check()
        time.sleep(LOOK_EVERY)
    return Arrivals(lateness, expected)
