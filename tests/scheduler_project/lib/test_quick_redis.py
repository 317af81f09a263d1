"""Redis on the path of a request, when it is there and when it is not."""

from __future__ import annotations

import socket
import time

import pytest
from django.conf import settings

from scheduler_project.lib import quick_redis
from scheduler_project.lib.quick_redis import QuickRedis, RedisIsAway


def test_answers() -> None:
    quick_redis.ask(lambda server: server.set("daybook:test:quick", "1", ex=5))
    assert quick_redis.ask(lambda server: server.get("daybook:test:quick")) == b"1"


def test_that_hangs_costs_one_caller_a_moment_and_the_next_ones_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = QuickRedis(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        begun = time.monotonic()
        with pytest.raises(RedisIsAway):
            hanging.ask(lambda server: server.get("x"))
        first = time.monotonic() - begun
        begun = time.monotonic()
        for _ in range(100):
            with pytest.raises(RedisIsAway):
                hanging.ask(lambda server: server.get("x"))
        assert first < 1.5
        assert time.monotonic() - begun < 0.2


def test_that_refuses_a_command_is_away_for_that_command_only() -> None:
    server = QuickRedis(settings.CELERY_BROKER_URL)
    with pytest.raises(RedisIsAway):
        server.ask(lambda redis: redis.execute_command("NO-SUCH-COMMAND"))
    assert server.ask(lambda redis: redis.ping())
