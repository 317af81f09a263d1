"""The leader's loop: sends what has happened, a message per topic, to whoever listens. Without listeners it asks Redis
one question and nothing else.

It runs beside the engine rather than in it: whoever changes a run neither knows nor waits for it, and one process reads
for all. A few times a second is well within the second that a page may be behind.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import redis
from channels.layers import get_channel_layer

from accounts.models import Tenant
from notifications.live import messages, register
from notifications.live.changes import Changes, Event, TooMuch
from notifications.live.messages import Summary
from notifications.live.topics import Topic, read
from notifications.live.watch import Watch
from scheduler_project.lib.quick_redis import RedisIsAway

EVERY = 0.2  # seconds

Outgoing = dict[Topic, dict[str, Any]]


def make_sweep() -> Callable[[], int]:
    return Broadcaster().sweep


class Broadcaster:
    def __init__(self) -> None:
        self._changes = Changes()
        self._watch = Watch()
        self._runner: asyncio.Runner | None = None

    def sweep(self) -> int:
        """Send what is new. Returns how many messages that took."""
        try:
            if not register.listened():
                self._changes.forget()
                return 0
            outgoing = self._collect()
            if outgoing:
                self._send(outgoing)
        except (RedisIsAway, redis.RedisError, OSError, TimeoutError):
            self._changes.forget()  # what was read is lost; listeners are told to read again
            return 0
        return len(outgoing)

    def _collect(self) -> Outgoing:
        if not self._changes.has_begun:
            self._changes.begin()
            return _resync(register.listened())
        try:
            events = self._changes.read()
        except TooMuch:
            return _resync(register.listened())
        # Asked after what has happened: whoever came in between has been told of none of it, and hears it all.
        listened = {read(name) for name in register.listened()}
        outgoing = messages_for(events, listened)
        for topic in self._watch.changed(listened):
            outgoing[topic] = messages.changed(topic, Summary())
        return outgoing

    def _send(self, outgoing: Outgoing) -> None:
        if self._runner is None:
            self._runner = asyncio.Runner()
        self._runner.run(_send_all(outgoing))


async def _send_all(outgoing: Outgoing) -> None:
    layer = get_channel_layer()
    async with asyncio.timeout(5):
        for topic, message in outgoing.items():
            await layer.group_send(topic.group, message)


def messages_for(events: Iterable[Event], listened: set[Topic]) -> Outgoing:
    """What is told of these events, to those of the topics that they concern."""
    slugs = _slugs(topic.name for topic in listened if topic.kind == "tenant")
    changes: dict[Topic, Summary] = defaultdict(Summary)
    for event in events:
        topics = {Topic("tenant", slugs.get(event.tenant_id, "")), Topic("job", str(event.job_id))}
        for topic in topics & listened:
            changes[topic].add(event.name, execution=event.execution_id, job=event.job_id)
        run = Topic("exec", str(event.execution_id))
        if run in listened:
            changes[run].add(event.name)
    return {topic: messages.changed(topic, change) for topic, change in changes.items()}


def _slugs(names: Iterable[str]) -> Mapping[int, str]:
    wanted = list(names)
    return dict(Tenant.objects.filter(slug__in=wanted).values_list("pk", "slug")) if wanted else {}


def _resync(listened: Iterable[str]) -> Outgoing:
    return {topic: messages.resync(topic) for topic in map(read, listened)}
