"""Tells the web processes whose inbox has changed. Best effort: who listens looks every few seconds all the same.

A thread of its own speaks to Redis, so that neither a request nor the fan-out ever waits for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import redis
from channels.layers import get_channel_layer

from scheduler_project.lib.background import Background

TOPIC: Final = "notifications"
GROUP: Final = "live.notifications"  # the topic's group on the channel layer
MOST_NAMED: Final = 500  # users and tenants in one message; beyond that, whoever listens looks
PATIENCE: Final = 2.0  # seconds


@dataclass(frozen=True)
class Concerned:
    users: frozenset[int]
    tenants: frozenset[int]


def wake(users: Iterable[int], tenants: Iterable[int]) -> None:
    """Never waits and never fails."""
    _thread.put(Concerned(frozenset(users), frozenset(tenants)))


def _send(waiting: list[Concerned]) -> None:
    users = sorted(frozenset[int]().union(*(one.users for one in waiting)))
    tenants = sorted(frozenset[int]().union(*(one.tenants for one in waiting)))
    is_few = len(users) + len(tenants) <= MOST_NAMED
    data = {"users": users, "tenants": tenants} if is_few else None
    _runner().run(_send_to_group({"type": "changed", "topic": TOPIC, "data": data}))


async def _send_to_group(message: dict[str, object]) -> None:
    async with asyncio.timeout(PATIENCE):
        await get_channel_layer().group_send(GROUP, message)


_of_thread = threading.local()


def _runner() -> asyncio.Runner:
    if not hasattr(_of_thread, "runner"):
        _of_thread.runner = asyncio.Runner()
    runner: asyncio.Runner = _of_thread.runner
    return runner


_thread = Background("inbox", _send, most=1_000, at_once=1_000, awaited=(redis.RedisError, OSError, TimeoutError))
