"""What credentials opened within the last minutes, in Redis: asked only while PostgreSQL does not answer.

Entries are signed, so that whoever can write to Redis gains nothing, and lie under a hash of a hash, so that whoever
can read it learns nothing that opens anything.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

from django.core import signing

from scheduler_project.lib import quick_redis
from scheduler_project.lib.quick_redis import RedisIsAway

SECONDS = 15 * 60
# A mark that outlives every entry, so that a reader with an old row in hand cannot bring a dead credential back.
DEAD = b"-"
KEEP = """
if redis.call('GET', KEYS[1]) == '-' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""
_signer = signing.Signer(salt="daybook.last-known")


def keep(kind: str, name: str, what: dict[str, Any]) -> None:
    """Until 15 minutes after the last time. Without Redis, nothing is kept."""
    place = _place(kind, name)
    text = _signer.sign_object({"place": place, **what})
    with suppress(RedisIsAway):
        quick_redis.ask(lambda redis: redis.eval(KEEP, 1, place, text, SECONDS))


def find(kind: str, name: str) -> dict[str, Any] | None:
    place = _place(kind, name)
    try:
        text = quick_redis.ask(lambda redis: redis.get(place))
        what = _signer.unsign_object(text.decode()) if isinstance(text, bytes) and text != DEAD else None
    except (RedisIsAway, signing.BadSignature, ValueError):
        return None
    # The place is signed as well: one entry copied over another opens nothing.
    return what if isinstance(what, dict) and what.get("place") == place else None


def forget(kind: str, name: str) -> None:
    with suppress(RedisIsAway):
        quick_redis.ask(lambda redis: redis.set(_place(kind, name), DEAD, ex=SECONDS))


def _place(kind: str, name: str) -> str:
    return f"{quick_redis.PREFIX}last-known:{kind}:{hashlib.sha256(name.encode()).hexdigest()}"
