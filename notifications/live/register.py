"""Which topics anybody listens to, kept in Redis for whoever sends: what nobody listens to is not sent.

Entries run out by themselves, so that a web process that dies leaves nothing behind.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import redis

from scheduler_project.lib import quick_redis

KEY = f"{quick_redis.PREFIX}live:topics"
KEPT = 30.0  # seconds; a process with listeners says so again every third of that
RENEW_EVERY = KEPT / 3


def listens(topics: Iterable[str]) -> None:
    """Raises `RedisIsAway`."""
    until = time.time() + KEPT
    entries = dict.fromkeys(topics, until)
    if not entries:
        return

    def put(client: redis.Redis) -> None:
        with client.pipeline(transaction=False) as pipe:
            pipe.zadd(KEY, entries, gt=True)
            pipe.expire(KEY, int(KEPT * 2))
            pipe.execute()

    quick_redis.ask(put)


def listened() -> set[str]:
    """Raises `RedisIsAway`."""
    now = time.time()

    def look(client: redis.Redis) -> list[bytes]:
        with client.pipeline(transaction=False) as pipe:
            pipe.zremrangebyscore(KEY, "-inf", now)
            pipe.zrange(KEY, 0, -1)
            found: list[bytes] = pipe.execute()[1]
            return found

    return {name.decode() for name in quick_redis.ask(look)}
