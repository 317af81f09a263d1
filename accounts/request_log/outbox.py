"""What a process has to hand over: it waits in memory for a moment, and goes into a stream in Redis."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import redis

from scheduler_project.lib import quick_redis, telemetry
from scheduler_project.lib.background import Background
from scheduler_project.lib.quick_redis import PREFIX, RedisIsAway

STREAM = f"{PREFIX}requests"
FIELD = "r"
MOST_HERE = 10_000
MOST_IN_REDIS = 100_000  # some 40 MB
AT_ONCE = 500
EVERY = 0.25  # seconds
TOLD_EVERY = 10.0

Record = Mapping[str, Any]


class Outbox:
    """Whoever puts something in never waits. What there is no room for is dropped and counted."""

    def __init__(self) -> None:
        self._waiting = Background[Record](
            "request log", self._store, most=MOST_HERE, at_once=AT_ONCE, every=EVERY, awaited=(RedisIsAway,)
        )
        self._dropped = 0
        self._told_at = 0.0

    def put(self, record: Record) -> None:
        if not self._waiting.put(record):
            self._dropped += 1

    def hand_over(self) -> int:
        """Move what waits into the stream. Returns how many it took. Raises `RedisIsAway`."""
        return self._waiting.turn()

    def _store(self, records: list[Record]) -> None:
        self._tell_dropped()
        try:
            stored: int = quick_redis.ask(lambda client: _add(client, records))
        except RedisIsAway:
            self._waiting.put_back(records)
            raise
        self._dropped += len(records) - stored

    def _tell_dropped(self) -> None:
        now = time.monotonic()
        if self._dropped and now - self._told_at > TOLD_EVERY:
            self._told_at = now
            count, self._dropped = self._dropped, 0
            telemetry.emit("requests.dropped", count=count)


def _add(client: redis.Redis, records: list[Record]) -> int:
    """As many as there is room for."""
    room = max(MOST_IN_REDIS - int(client.xlen(STREAM)), 0)
    pipeline = client.pipeline(transaction=False)
    for record in records[:room]:
        pipeline.xadd(STREAM, {FIELD: json.dumps(record, separators=(",", ":"))})
    pipeline.execute()
    return min(len(records), room)


OUTBOX = Outbox()
