"""One client: what it listens to, and its messages one after the other, however they are carried.

What happens while a message is under way is added up per topic, so a slow client costs no memory, and a fast run no
more than a few messages a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db.utils import InterfaceError, OperationalError
from rest_framework.exceptions import APIException

from notifications.live import bounds, followed, messages, missed, threads, topics
from notifications.live.credentials import Caller, NoLongerGood
from notifications.live.hub import Hub
from notifications.live.messages import Message, Summary
from notifications.live.news import News, Place
from notifications.live.slots import KEEP_EVERY
from notifications.live.topics import Grant, Topic
from scheduler_project.api.errors import Invalid

Answer = TypeVar("Answer")

AWAY_EVERY = 5.0  # seconds; while Redis is away, clients are told to read again that often


class Ended(Exception):
    """The session is over; `code` and the message are for the client."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Listening:
    """How things stand between a client and one topic."""

    grant: Grant
    place: Place | None = None
    """Of a topic with places: how far the client was told."""
    beat: tuple[int, int] | None = None
    """The heartbeat that it was told last."""
    change: Summary | None = None
    has_gap: bool = False
    is_dirty: bool = True
    is_over: bool = False
    next_at: float = 0.0
    """When it may be told something again."""
    look_at: float = 0.0
    """When a topic with places is looked at without anybody's having said that there is something."""

    @property
    def topic(self) -> Topic:
        return self.grant.topic

    @property
    def due_at(self) -> float | None:
        """When there is something to find out or to say; None when there is not."""
        if not self.topic.has_places:
            return self.next_at if self.change is not None or self.has_gap else None
        if self.is_dirty:
            return self.next_at
        return None if self.is_over else max(self.next_at, self.look_at)


class Session:
    def __init__(self, caller: Caller, hub: Hub) -> None:
        self._caller = caller
        self._hub = hub
        self._listening: dict[str, Listening] = {}
        self._answers: list[Message] = []
        self._wake = asyncio.Event()
        now = self._started_at = self._checked_at = self._kept_at = self._away_at = time.monotonic()
        self._idle_since: float | None = now
        self._said_at = now

    # --- what the client wants ----------------------------------------------------------------------------------------

    async def subscribe(self, names: Sequence[object], since: Mapping[str, object], seen: object = "") -> None:
        """Each topic is judged by itself; what has changed since `seen` is told at once. Raises `Invalid` when the wish
        as a whole cannot be understood, `Ended` when PostgreSQL does not answer."""
        wanted = {str(topic): topic for topic in map(topics.read, names)}
        places = followed.read_places(since, wanted.values())
        if len({*self._listening, *wanted}) > bounds.TOPICS:
            raise Invalid({"topics": [f"At most {bounds.TOPICS} topics; unsubscribe from some first."]})
        grants, refused = await _ask(self._judge, list(wanted.values()))
        for message in refused:
            self._answer(message)
        await self.listen(grants, places)
        if seen:
            told = await _ask(missed.since, seen, [grant.topic for grant in grants])
            for topic, message in told.items():
                self.notice(str(topic), message)

    async def listen(self, grants: Sequence[Grant], places: Mapping[str, Place]) -> None:
        """To what was granted already. Raises `Ended` when PostgreSQL does not answer."""
        if not grants:
            return
        joined = [grant.topic for grant in grants]
        try:
            await self._hub.join(self, joined)
            # What happens after the answer is told, so where a client without a place begins is found out before it.
            begun = await _ask(followed.begin, [topic for topic in joined if str(topic) not in places])
        except BaseException:
            self._hub.leave(self, [topic for topic in joined if str(topic) not in self._listening])
            raise
        for grant in grants:
            name = str(grant.topic)
            self._listening[name] = Listening(grant, places.get(name) or begun.get(grant.topic))
        self._note_idleness()
        self._answer(messages.subscribed(grant.topic for grant in grants))

    def unsubscribe(self, names: Sequence[object]) -> None:
        left = [name for name in map(str, map(topics.read, names)) if name in self._listening]
        self._leave(left)
        self._answer(messages.unsubscribed(left))

    def refuse(self, error: Exception) -> None:
        self._answer(messages.refused(error))

    def close(self) -> None:
        self._hub.leave(self, [listening.topic for listening in self._listening.values()])
        self._listening.clear()

    # --- what the hub hears -------------------------------------------------------------------------------------------

    def notice(self, topic: str, message: Mapping[str, Any]) -> None:
        listening = self._listening.get(topic)
        if listening is None:
            return
        if listening.topic.has_places:
            if message["type"] != "resync" and not followed.concerns(self._caller.principal, listening.topic, message):
                return
            listening.is_dirty = True
        elif message["type"] == "resync":
            listening.has_gap = True
        else:
            listening.change = listening.change or Summary()
            listening.change.merge(message["data"])
        self._wake.set()

    def notice_gap(self) -> None:
        for listening in self._listening.values():
            listening.has_gap = listening.is_dirty = True
        self._wake.set()

    # --- what the client is told --------------------------------------------------------------------------------------

    async def stream(self) -> AsyncIterator[Message]:
        """Until the client leaves; raises `Ended` when it has to."""
        while True:
            self._wake.clear()
            for message in await self._found():
                self._said_at = time.monotonic()
                yield message
            if time.monotonic() - self._said_at >= bounds.HEARTBEAT:
                self._said_at = time.monotonic()
                yield messages.heartbeat()
            await self._wait()

    async def _found(self) -> list[Message]:
        answers = self._taken_answers()
        try:
            return [*answers, *await self._upkeep(), *await self._news()]
        except (OperationalError, InterfaceError):
            if time.monotonic() - self._checked_at >= bounds.UNCHECKED:
                why = "It could not be checked for a while whether this may go on; come again."
                raise Ended("lifetime", why) from None
            self.notice_gap()
            await asyncio.sleep(1.0)
            return answers

    async def _upkeep(self) -> list[Message]:
        """Credentials, lifetimes, the place among the sockets of the same caller."""
        now = time.monotonic()
        if now - self._started_at >= settings.DAYBOOK_LIVE_LIFETIME.total_seconds():
            raise Ended("lifetime", "The connection is as old as it may get; come again with `since`.")
        if self._idle_since is not None and now - self._idle_since >= bounds.IDLE:
            raise Ended("idle", "Nothing was subscribed to; come again when there is something to hear.")
        if now - self._kept_at >= KEEP_EVERY:
            self._kept_at = now
            await threads.ask(self._caller.keep_slot)
        if self._hub.is_away and now - self._away_at >= AWAY_EVERY:
            self._away_at = now
            self.notice_gap()
        if now - self._checked_at >= settings.DAYBOOK_LIVE_RECHECK.total_seconds():
            refused = await self._recheck()
            self._checked_at = now
            return refused
        return []

    async def _recheck(self) -> list[Message]:
        try:
            await threads.ask(self._caller.renew)
        except NoLongerGood as error:
            raise Ended("unauthenticated", str(error)) from None
        judged = {name: self._why_not(one.grant) for name, one in self._listening.items()}
        lost = {name: why for name, why in judged.items() if why is not None}
        self._leave(lost)
        return [messages.refused(why, topic=name) for name, why in lost.items()]

    def _why_not(self, grant: Grant) -> APIException | None:
        try:
            topics.recheck(self._caller.principal, grant)
        except APIException as error:
            return error
        return None

    async def _news(self) -> list[Message]:
        now = time.monotonic()
        due = [one for one in self._listening.values() if one.due_at is not None and one.due_at <= now]
        found: list[Message] = []
        for one in due:
            if not one.topic.has_places:
                found += _what_changed(one)
                one.next_at = now + bounds.APART
        if behind := [one for one in due if one.topic.has_places]:
            found += await self._what_followed(behind, now)
        return found

    async def _what_followed(self, due: Collection[Listening], now: float) -> list[Message]:
        for one in due:
            one.is_dirty = one.has_gap = False
        places = {one.topic: one.place for one in due if one.place is not None}
        news = await threads.ask(followed.read, self._caller.principal, places)
        found: list[Message] = []
        for one in due:
            found += _what_came(one, news.get(one.topic), now)
        return found

    async def _wait(self) -> None:
        """Until something happens or is due; a second at most, for what is looked after."""
        now = time.monotonic()
        dues = (one.due_at for one in self._listening.values())
        soonest = min((due for due in dues if due is not None), default=now + 1.0)
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(min(max(soonest - now, 0.0), 1.0)):
                await self._wake.wait()

    # --- small things -------------------------------------------------------------------------------------------------

    def _judge(self, wanted: Collection[Topic]) -> tuple[list[Grant], list[Message]]:
        """What is granted, and for each other topic its refusal."""
        grants, refused = [], []
        for topic in wanted:
            try:
                grants.append(topics.may_listen(self._caller.principal, topic))
            except APIException as error:
                refused.append(messages.refused(error, topic=str(topic)))
        return grants, refused

    def _answer(self, message: Message) -> None:
        self._answers.append(message)
        self._wake.set()

    def _taken_answers(self) -> list[Message]:
        taken, self._answers = self._answers, []
        return taken

    def _leave(self, names: Iterable[str]) -> None:
        left = [self._listening.pop(name) for name in list(names)]
        self._hub.leave(self, [one.topic for one in left])
        self._note_idleness()

    def _note_idleness(self) -> None:
        if self._listening:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = time.monotonic()


async def _ask(question: Callable[..., Answer], *arguments: Any) -> Answer:
    """For a wish of the client, which is better told to come again than half understood."""
    try:
        return await threads.ask(question, *arguments)
    except (OperationalError, InterfaceError):
        raise Ended("unavailable", "What you asked for could not be looked up just now; come again.") from None


def _what_changed(one: Listening) -> list[Message]:
    found: list[Message] = []
    if one.has_gap:
        found.append(messages.resync(one.topic))
    if one.change is not None:
        found.append(messages.changed(one.topic, one.change))
    one.has_gap, one.change = False, None
    return found


def _what_came(one: Listening, news: News | None, now: float) -> list[Message]:
    if news is None:  # its history was deleted
        was_over, one.is_over = one.is_over, True
        return [] if was_over else [_end(one)]
    one.place = news.place
    found = list(news.messages)
    if news.beat is not None and news.beat.number != one.beat:
        one.beat = news.beat.number
        found.append(news.beat.message(str(one.topic)))
    if news.is_over and not one.is_over:
        found.append(_end(one))
    one.is_over = news.is_over
    one.is_dirty |= news.has_more
    one.next_at = now + (bounds.REPLAY_APART if news.has_more else bounds.RUN_APART)
    one.look_at = now + followed.KINDS[one.topic.kind].look_every
    return found


def _end(one: Listening) -> Message:
    return {"topic": str(one.topic), "type": "end", "seq": str(one.place), "data": {}, "at": messages.now()}
