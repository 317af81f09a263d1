"""Redis on the path of a request: it answers within moments, or is left alone for a while.

Nothing that must not be lost is kept there; whoever asks has an answer of its own for when Redis is away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

Answer = TypeVar("Answer")

PREFIX = "daybook:"
PATIENCE = 0.25  # seconds for a connection and for an answer
LEFT_ALONE = 2.0  # seconds after a failure in which nobody else waits for it


class RedisIsAway(Exception):
    """There is no Redis, or it does not answer in time."""


class QuickRedis:
    def __init__(self, url: str) -> None:
        self._redis: redis.Redis = redis.Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
        self._away_until = 0.0

    def ask(self, question: Callable[[redis.Redis], Answer]) -> Answer:
        """Raises `RedisIsAway`."""
        if time.monotonic() < self._away_until:
            raise RedisIsAway("Redis has not answered a moment ago.")
        try:
            return question(self._redis)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            self._away_until = time.monotonic() + LEFT_ALONE
            raise RedisIsAway(str(error)) from error
        except redis.ResponseError as error:  # it loads its data, is full, or only reads
            raise RedisIsAway(str(error)) from error


_clients: dict[str, QuickRedis] = {}
_guard = threading.Lock()


def ask(question: Callable[[redis.Redis], Answer]) -> Answer:
    """What this process's Redis answers. Raises `RedisIsAway`."""
    url: str = settings.CELERY_BROKER_URL or ""
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise RedisIsAway("There is no Redis.")
    with _guard:
        if url not in _clients:
            _clients[url] = QuickRedis(url)
        client = _clients[url]
    return client.ask(question)
