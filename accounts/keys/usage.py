"""When keys were last used: noted in Redis by whoever lets one in, written by a sweep. No request writes it itself."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

import redis

from scheduler_project.lib import quick_redis, sql
from scheduler_project.lib.quick_redis import PREFIX, RedisIsAway

NOTED = f"{PREFIX}last-used"
TAKEN = f"{NOTED}:taken"
EVERY = 5.0  # seconds between two notes of one key by one process

_noted_here: dict[str, float] = {}
MOST_HERE = 10_000

WRITE = """
UPDATE api_keys k SET last_used_at = u.at
FROM unnest(%(prefixes)s::text[], %(moments)s::float8[]) AS n(prefix, moment),
     LATERAL (SELECT least(to_timestamp(n.moment), statement_timestamp()) AS at) AS u
WHERE k.prefix = n.prefix AND (k.last_used_at IS NULL OR k.last_used_at < u.at)
RETURNING k.prefix
"""


def note_used(prefix: str, at: datetime) -> None:
    """Without Redis the next use is noted instead."""
    now = time.monotonic()
    if now - _noted_here.get(prefix, -math.inf) < EVERY:
        return
    with suppress(RedisIsAway):
        quick_redis.ask(lambda client: client.hset(NOTED, prefix, str(at.timestamp())))
        if len(_noted_here) >= MOST_HERE:
            _noted_here.clear()
        _noted_here[prefix] = now


def sweep() -> int:
    """Write what was noted; a moment before the one that is known changes nothing. Returns how many keys it was."""
    try:
        found = quick_redis.ask(_take)
    except RedisIsAway:
        return 0
    moments = dict(_read(found))
    written = sql.rows(WRITE, {"prefixes": list(moments), "moments": list(moments.values())}) if moments else []
    with suppress(RedisIsAway):  # then the next sweep writes the same once more
        quick_redis.ask(lambda client: client.delete(TAKEN))
    return len(written)


def _take(client: redis.Redis) -> Mapping[bytes, bytes]:
    """Set aside what was noted, unless a sweep that was cut short has left something there."""
    if not client.exists(TAKEN):
        with suppress(redis.ResponseError):  # nothing was noted
            client.rename(NOTED, TAKEN)
    found: Mapping[bytes, bytes] = client.hgetall(TAKEN)  # type: ignore[assignment]
    return found


def _read(found: Mapping[bytes, bytes]) -> list[tuple[str, float]]:
    moments = []
    for prefix, text in found.items():
        with suppress(ValueError):
            moment = float(text)
            if 0 < moment < 1e11:
                moments.append((prefix.decode("ascii"), moment))
    return moments
