"""What a process has to hand over: a bounded queue, and one daemon thread that empties it into a stream in Redis."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import redis

from scheduler_project.lib import quick_redis, telemetry
from scheduler_project.lib.quick_redis import PREFIX, RedisIsAway

STREAM = f"{PREFIX}requests"
FIELD = "r"
MOST_HERE = 10_000
MOST_IN_REDIS = 100_000  # some 40 MB
AT_ONCE = 500
EVERY = 0.25  # seconds
PAUSE = 1.0  # while Redis is away
TOLD_EVERY = 10.0

Record = Mapping[str, Any]


class Outbox:
    """Whoever puts something in never waits. What there is no room for is dropped and counted."""

    def __init__(self) -> None:
        self._waiting: deque[Record] = deque()
        self._filled = threading.Event()
        self._guard = threading.Lock()
        self._process = 0
        self._dropped = 0
        self._told_at = 0.0

    def put(self, record: Record) -> None:
        if len(self._waiting) >= MOST_HERE:
            self._dropped += 1
        else:
            self._waiting.append(record)
            self._filled.set()
        if self._process != os.getpid():
            self._start()

    def hand_over(self) -> int:
        """Move what waits into the stream. Returns how many it took. Raises `RedisIsAway`."""
        self._tell_dropped()
        taken: list[Record] = []
        while self._waiting and len(taken) < AT_ONCE:
            taken.append(self._waiting.popleft())
        if not taken:
            return 0
        try:
            stored: int = quick_redis.ask(lambda client: _add(client, taken))
        except RedisIsAway:
            self._waiting.extendleft(reversed(taken))
            raise
        self._dropped += len(taken) - stored
        return len(taken)

    def _start(self) -> None:
        """In this process: a thread does not live on in a forked one."""
        with self._guard:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            threading.Thread(target=self._run, name="request log", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._filled.wait()
            self._filled.clear()
            try:
                while self.hand_over() == AT_ONCE:
                    pass
                time.sleep(EVERY)
            except Exception as error:  # noqa: BLE001  the thread outlives any one turn; what it caught is told
                if not isinstance(error, RedisIsAway):
                    telemetry.emit("requests.unrecorded", error=repr(error))
                time.sleep(PAUSE)
                self._filled.set()

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
