"""One per web process: hears the channel layer for all its clients, and finds its way back when Redis was away."""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Protocol

import redis
from channels.layers import get_channel_layer

from notifications.live import register, threads
from notifications.live.topics import Topic, read
from scheduler_project.lib import quick_redis

PAUSE = 0.5  # seconds until Redis is tried again
FAILURES = (redis.RedisError, quick_redis.RedisIsAway, OSError, asyncio.TimeoutError)


class Listener(Protocol):
    def notice(self, topic: str, message: Mapping[str, Any]) -> None:
        """Must not wait."""

    def notice_gap(self) -> None:
        """Messages may have been lost."""


class Hub:
    """Its own tasks do all that Redis is needed for; who subscribes or leaves never waits for it."""

    def __init__(self) -> None:
        self._listeners: dict[Topic, set[Listener]] = defaultdict(set)
        self._new: set[Topic] = set()
        self._gone: set[Topic] = set()
        self._something_changed = asyncio.Event()
        self._is_joined = asyncio.Condition()
        self._channel = ""
        self._said_all_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self.is_away = False

    # --- for clients --------------------------------------------------------------------------------------------------

    async def join(self, listener: Listener, topics: list[Topic], *, patience: float = 1.0) -> None:
        """When this returns, what happens is heard; or Redis is away, and the listener is told once it is back."""
        for topic in topics:
            if not self._listeners[topic]:
                self._new.add(topic)
                self._gone.discard(topic)
            self._listeners[topic].add(listener)
        self._start()
        self._something_changed.set()
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(patience), self._is_joined:
                await self._is_joined.wait_for(lambda: not self._new.intersection(topics))

    def leave(self, listener: Listener, topics: list[Topic]) -> None:
        for topic in topics:
            self._listeners[topic].discard(listener)
            if not self._listeners[topic]:
                del self._listeners[topic]
                self._new.discard(topic)
                self._gone.add(topic)
        self._something_changed.set()

    # --- its tasks ----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        layer = get_channel_layer()
        self._channel = await layer.new_channel("live")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_hearing(layer))
            tasks.create_task(self._keep_joined(layer))

    async def _keep_hearing(self, layer: Any) -> None:
        """For ever: what comes on this process's channel."""
        while True:
            try:
                message = await layer.receive(self._channel)
            except FAILURES:
                self._lose()
                await asyncio.sleep(PAUSE)
                continue
            self._pass_on(message)

    async def _keep_joined(self, layer: Any) -> None:
        """For ever: says to Redis what is listened to here, at once when that changes and again before it runs out."""
        while True:
            self._something_changed.clear()
            if time.monotonic() - self._said_all_at >= register.RENEW_EVERY:
                self._new.update(self._listeners)  # Redis may have lost its data without anybody's having noticed
            try:
                await self._say(layer)
            except FAILURES:
                self._lose()
                await asyncio.sleep(PAUSE)
                continue
            with contextlib.suppress(asyncio.TimeoutError):
                async with asyncio.timeout(register.RENEW_EVERY):
                    await self._something_changed.wait()

    async def _say(self, layer: Any) -> None:
        for topic in list(self._gone):
            await layer.group_discard(topic.group, self._channel)
            self._gone.discard(topic)
        joining = set(self._new)
        for topic in joining:
            await layer.group_add(topic.group, self._channel)
        await threads.ask(register.listens, [str(topic) for topic in joining])
        self._new -= joining
        if joining.issuperset(self._listeners):
            self._said_all_at = time.monotonic()
        was_away, self.is_away = self.is_away, False
        async with self._is_joined:
            self._is_joined.notify_all()
        if was_away:
            for listener in {one for listeners in self._listeners.values() for one in listeners}:
                listener.notice_gap()

    def _lose(self) -> None:
        self.is_away = True
        self._new.update(self._listeners)
        self._something_changed.set()

    def _pass_on(self, message: Mapping[str, Any]) -> None:
        for listener in list(self._listeners.get(read(message["topic"]), ())):
            listener.notice(message["topic"], message)


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def of_this_loop() -> Hub:
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
