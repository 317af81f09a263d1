"""Clients that read too slowly, listen to nothing or stay too long. With shorter bounds, and without a server."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from notifications.live import bounds, hub, session, sse
from notifications.live.consumer import LiveConsumer
from notifications.live.messages import Summary
from notifications.live.session import Listening
from notifications.live.topics import Grant, Topic
from tests import live

WORKERS = Grant(Topic("workers"), None)


class Caller:
    """Of good standing, for as long as it is asked."""

    def __init__(self) -> None:
        self.has_left = False

    def keep_slot(self) -> None: ...

    def renew(self) -> None: ...

    def leave(self) -> None:
        self.has_left = True


class Hub(hub.Hub):
    """Without Redis."""

    async def join(self, listener: Any, topics: Any, *, patience: float = 0) -> None: ...

    def leave(self, listener: Any, topics: Any) -> None: ...


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "of_this_loop", Hub)


def test_a_message_that_does_not_leave_ends_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SENT_WITHIN", 0.05)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        if message["type"] == "websocket.send":
            await asyncio.sleep(60)
        sent.append(message)

    async def scene() -> None:
        consumer = LiveConsumer()
        consumer.base_send = send
        consumer.session = session.Session(Caller(), Hub())  # type: ignore[arg-type]
        consumer.session.refuse(ValueError())
        async with asyncio.timeout(5):
            await consumer._pump()

    asyncio.run(scene())
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_an_event_that_does_not_leave_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SENT_WITHIN", 0.05)
    caller = Caller()

    async def serve() -> None:
        async for _ in sse.stream(caller, [WORKERS], {}):  # type: ignore[arg-type]
            await asyncio.sleep(60)  # the server waits for the client

    async def scene() -> None:
        async with asyncio.timeout(5):
            chunks = sse.stream(caller, [WORKERS], {})  # type: ignore[arg-type]
            assert await anext(chunks) == sse.RETRY
            with pytest.raises(asyncio.CancelledError):
                await asyncio.create_task(_read_slowly(chunks))
            await chunks.aclose()  # type: ignore[attr-defined]

    asyncio.run(scene())
    assert live.wait_for(lambda: caller.has_left, what="its place to be given back")


async def _read_slowly(chunks: Any) -> None:
    async for _ in chunks:
        await asyncio.sleep(60)


@pytest.mark.parametrize(("grants", "code"), [([], "idle"), ([WORKERS], "lifetime")])
def test_who_listens_to_nothing_or_stays_too_long_is_asked_to_come_again(
    monkeypatch: pytest.MonkeyPatch, settings: Any, grants: list[Grant], code: str
) -> None:
    monkeypatch.setattr(bounds, "IDLE", 0.05)
    if code == "lifetime":
        settings.DAYBOOK_LIVE_LIFETIME = timedelta(seconds=0.05)

    async def scene() -> list[Any]:
        return [json.loads(chunk.decode().partition("data: ")[2] or "{}")
                async for chunk in sse.stream(Caller(), grants, {})]  # type: ignore[arg-type]  # fmt: skip

    assert asyncio.run(scene())[-1]["error"]["code"] == code


def test_a_stream_has_an_end_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "STREAM_BYTES", 1)
    monkeypatch.setattr(bounds, "HEARTBEAT", 0.01)

    async def scene() -> bytes:
        return b"".join([chunk async for chunk in sse.stream(Caller(), [WORKERS], {})])  # type: ignore[arg-type]

    assert asyncio.run(scene()).count(b"data: ") == 2
    assert b'"too_much"' in asyncio.run(scene())


def test_silence_is_broken_by_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "HEARTBEAT", 0.01)

    async def scene() -> Any:
        chunks = sse.stream(Caller(), [WORKERS], {})  # type: ignore[arg-type]
        found = [await anext(chunks) for _ in range(3)]
        await chunks.aclose()  # type: ignore[attr-defined]
        return found[-1]

    assert b'"heartbeat"' in asyncio.run(scene())


def test_what_happens_meanwhile_is_added_up_and_stays_small() -> None:
    """However much it is, one message of one topic; and not before its time."""

    async def scene() -> list[Any]:
        client = session.Session(Caller(), Hub())  # type: ignore[arg-type]
        await client.listen([Grant(Topic("tenant", "acme"), 1)], {})
        for number in range(5_000):
            change = Summary()
            change.add("execution.queued", execution=number, job=number % 7)
            client.notice("tenant:acme", {"type": "changed", "data": change.data()})
        client.notice("tenant:globex", {"type": "changed", "data": Summary().data()})
        first = await client._news()
        client.notice("tenant:acme", {"type": "changed", "data": Summary().data()})
        assert await client._news() == []
        return first

    [message] = asyncio.run(scene())
    assert message["data"]["events"] == {"execution.queued": 5_000}
    assert message["data"]["executions"] == list(range(bounds.IDS))
    assert message["data"]["jobs"] == list(range(7))
    assert message["data"]["has_more"]


def test_a_run_is_told_no_more_often_than_its_bound() -> None:
    run = Listening(Grant(Topic("exec", "5"), 1), next_at=7.0, look_at=9.0)
    assert run.due_at == 7.0
    run.is_dirty = False
    assert run.due_at == 9.0
    run.is_over = True
    assert run.due_at is None
    run.is_dirty = True
    assert run.due_at == 7.0
