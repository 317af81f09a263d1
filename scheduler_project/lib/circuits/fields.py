"""Where a circuit's few values live: in Redis, shared by all processes; in this process while Redis is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Protocol, TypeVar, cast

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

KEY = "daybook:circuit:{name}"
KEPT_FOR = timedelta(days=1)  # names come and go with the hosts that are called
REDIS_TIMEOUT = 0.5
REDIS_AWAY_FOR = 5.0  # seconds without asking again a Redis that did not answer

T = TypeVar("T")


class Fields(Protocol):
    def read(self) -> Mapping[str, str]: ...

    def swap(self, field: str, value: str) -> str | None:
        """Set it, and return what was there."""

    def increment(self, field: str) -> None: ...

    def remove(self, field: str) -> None: ...


class _InMemory:
    _all: dict[str, dict[str, str]] = {}
    _lock = threading.Lock()

    def __init__(self, name: str) -> None:
        self._name = name

    def read(self) -> Mapping[str, str]:
        with self._lock:
            return dict(self._all.get(self._name, {}))

    def swap(self, field: str, value: str) -> str | None:
        with self._lock:
            fields = self._all.setdefault(self._name, {})
            before, fields[field] = fields.get(field), value
            return before

    def increment(self, field: str) -> None:
        with self._lock:
            fields = self._all.setdefault(self._name, {})
            fields[field] = str(int(fields.get(field, 0)) + 1)

    def remove(self, field: str) -> None:
        with self._lock:
            self._all.get(self._name, {}).pop(field, None)


class _InRedis:
    def __init__(self, redis: Redis, name: str) -> None:
        self._redis = redis
        self._key = KEY.format(name=name)

    def read(self) -> Mapping[str, str]:
        return cast("Mapping[str, str]", self._redis.hgetall(self._key))

    def swap(self, field: str, value: str) -> str | None:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hget(self._key, field)
            pipe.hset(self._key, field, value)
            pipe.expire(self._key, KEPT_FOR)
            return cast("str | None", pipe.execute()[0])

    def increment(self, field: str) -> None:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hincrby(self._key, field, 1)
            pipe.expire(self._key, KEPT_FOR)
            pipe.execute()

    def remove(self, field: str) -> None:
        self._redis.hdel(self._key, field)


class SharedFields:
    """Asks Redis, and this process when Redis does not answer."""

    _away_until = 0.0

    def __init__(self, name: str) -> None:
        url: str = settings.CELERY_BROKER_URL or ""
        self._shared = _InRedis(_client(url), name) if url.startswith(("redis://", "rediss://")) else None
        self._own = _InMemory(name)

    def read(self) -> Mapping[str, str]:
        return self._ask(lambda fields: fields.read())

    def swap(self, field: str, value: str) -> str | None:
        return self._ask(lambda fields: fields.swap(field, value))

    def increment(self, field: str) -> None:
        self._ask(lambda fields: fields.increment(field))

    def remove(self, field: str) -> None:
        self._ask(lambda fields: fields.remove(field))

    def _ask(self, question: Callable[[Fields], T]) -> T:
        if self._shared is not None and time.monotonic() >= SharedFields._away_until:
            try:
                return question(self._shared)
            except RedisError:
                SharedFields._away_until = time.monotonic() + REDIS_AWAY_FOR
        return question(self._own)


@cache
def _client(url: str) -> Redis:
    return Redis.from_url(
        url, decode_responses=True, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT
    )
