"""The same messages as server-sent events, for clients without WebSocket; `id` is the place to go on from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from notifications.live import bounds, frames, hub, messages, threads
from notifications.live.credentials import Caller
from notifications.live.inbox import TYPE
from notifications.live.messages import Message
from notifications.live.news import Place
from notifications.live.session import Ended, Session
from notifications.live.topics import Grant
from scheduler_project.api.errors import Invalid
from scheduler_project.lib import telemetry

RETRY = b"retry: 2000\n\n"  # milliseconds until a browser comes again by itself


def split_places(text: str) -> dict[str, str]:
    """`exec:91@3.418,notifications@812`, as `id` gives it. Raises `Invalid`."""
    found = {}
    for part in filter(None, text.split(",")):
        topic, mark, place = part.strip().partition("@")
        if not mark:
            raise Invalid({"since": [f"{part[:80]!r} must be a topic, @ and a place, such as exec:91@3.418."]})
        found[topic] = place
    return found


async def stream(caller: Caller, grants: Sequence[Grant], places: Mapping[str, Place]) -> AsyncIterator[bytes]:
    session = Session(caller, hub.of_this_loop())
    reached = {name: str(place) for name, place in places.items()}
    sent = 0
    try:
        await session.listen(grants, places)
        yield RETRY
        async for message in session.stream():
            if sent >= bounds.STREAM_BYTES:
                yield _event(messages.closing("too_much", "This stream is as long as it may get; come again."), reached)
                return
            chunk = _event(message, reached)
            sent += len(chunk)
            cut = asyncio.get_running_loop().call_later(bounds.SENT_WITHIN, _cut, asyncio.current_task())
            yield chunk
            cut.cancel()
    except Ended as error:
        telemetry.emit("live.cut", code=error.code)
        yield _event(messages.closing(error.code, str(error)), reached)
    finally:
        session.close()
        threads.THREADS.submit(caller.leave)


def _cut(task: asyncio.Task[None] | None) -> None:
    telemetry.emit("live.cut", code="slow")
    if task is not None:
        task.cancel()


def _event(message: Message, reached: dict[str, str]) -> bytes:
    """One event. `reached` is where each topic is, told in full each time, since a browser sends the last id alone."""
    mark = f"event: {TYPE}\n" if message["type"] == TYPE else ""
    if "seq" in message:
        reached[message["topic"]] = message["seq"]
        mark += f"id: {','.join(f'{topic}@{place}' for topic, place in reached.items())}\n"
    return f"{mark}data: {frames.write(message)}\n\n".encode()
