"""How many live connections one caller has, over all web processes: counted in Redis, each with an end of its own."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from contextlib import suppress

import redis
from django.conf import settings

from scheduler_project.lib import quick_redis

KEPT = 30.0  # seconds; a connection says so again every third of that
KEEP_EVERY = KEPT / 3

# KEYS[1] the caller's connections by their end; ARGV: now, the end of this one, its name, how many may be.
TAKE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) and not redis.call('ZSCORE', KEYS[1], ARGV[3]) then
    return 0
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], 60)
return 1
"""

_here: Counter[str] = Counter()


class NoSlot(Exception):
    """The caller has as many live connections as anybody may have."""


class Slot:
    """One connection of a caller. Without Redis, those of this process alone are counted."""

    def __init__(self, label: str) -> None:
        """Raises `NoSlot`."""
        self._label = label
        self._name = uuid.uuid4().hex
        self._is_held = True
        if not self._take(settings.DAYBOOK_LIVE_CONNECTIONS):
            raise NoSlot(
                f"{label} has {settings.DAYBOOK_LIVE_CONNECTIONS} live connections, as many as it may have. "
                "Close one, or subscribe to more topics on one connection."
            )
        _here[label] += 1

    def keep(self) -> None:
        if self._is_held:
            self._take(1_000_000)  # who has one keeps it, whatever Redis has forgotten meanwhile

    def give_up(self) -> None:
        if not self._is_held:
            return
        self._is_held = False
        _here[self._label] -= 1
        if not _here[self._label]:
            del _here[self._label]
        with suppress(quick_redis.RedisIsAway):  # then it runs out
            quick_redis.ask(lambda client: client.zrem(self._key, self._name))

    @property
    def _key(self) -> str:
        return f"{quick_redis.PREFIX}live:connections:{self._label}"

    def _take(self, most: int) -> bool:
        now = time.time()

        def take(client: redis.Redis) -> bool:
            return bool(client.eval(TAKE, 1, self._key, now, now + KEPT, self._name, most))

        try:
            return quick_redis.ask(take)
        except quick_redis.RedisIsAway:
            return _here[self._label] < most
