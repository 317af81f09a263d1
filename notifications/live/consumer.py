"""The WebSocket: frames in, messages out. It only reads; changes are made by the API."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.core.handlers.asgi import ASGIRequest
from rest_framework.exceptions import APIException

from notifications.live import bounds, entrance, frames, hub, messages, threads
from notifications.live.bounds import Rate
from notifications.live.credentials import Caller
from notifications.live.session import Ended, Session
from scheduler_project.api.errors import Problem, as_problem
from scheduler_project.lib import telemetry

# 1008 and 1009 are the protocol's own; those from 4000 on are ours, like the status that the API would answer.
CODES = {"unauthenticated": 4401, "lifetime": 4408, "idle": 4408, "unavailable": 4503}
POLICY, TOO_LARGE, NOT_TEXT, FAILED = 1008, 1009, 1003, 1011


class LiveConsumer(AsyncConsumer):  # type: ignore[misc]
    channel_layer_alias = "none: the hub listens for all"

    caller: Caller | None = None
    session: Session
    pump: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:  # also when there was an error, after which nothing says that the client has gone
            await self._leave()

    async def websocket_connect(self, _: Mapping[str, Any]) -> None:
        try:
            self.caller = await threads.ask(self._admit)
        except Exception as error:  # noqa: BLE001  whatever it is, the answer is the API's and nobody gets in
            problem = as_problem(error)
            telemetry.emit("live.refused", code=problem.code)
            await self._deny(problem)
            raise StopConsumer from None
        self.session = Session(self.caller, hub.of_this_loop())
        self._rate = Rate(bounds.MESSAGES_PER_SECOND)
        await self.send({"type": "websocket.accept"})
        self.pump = asyncio.create_task(self._pump())

    async def websocket_receive(self, message: Mapping[str, Any]) -> None:
        text = message.get("text")
        if text is None:
            await self._cut(NOT_TEXT, "not_text", "Send text frames with JSON.")
        elif len(text) > bounds.FRAME_BYTES or len(text.encode()) > bounds.FRAME_BYTES:
            await self._cut(TOO_LARGE, "too_large", f"A frame may have {bounds.FRAME_BYTES:,} bytes.")
        elif not self._rate.takes_one_more():
            await self._cut(POLICY, "flood", f"At most {bounds.MESSAGES_PER_SECOND} messages a second.")
        else:
            await self._hear(text)

    async def websocket_disconnect(self, _: Mapping[str, Any]) -> None:
        raise StopConsumer

    async def _leave(self) -> None:
        """What needs no waiting comes first: whoever has cancelled this may do so again."""
        if self.caller is None:
            return
        self.session.close()
        threads.THREADS.submit(self.caller.leave)
        if self.pump is not None:
            self.pump.cancel()
            with suppress(asyncio.CancelledError):
                await self.pump

    def _admit(self) -> Caller:
        scheme = "https" if self.scope.get("scheme") == "wss" else "http"
        request = ASGIRequest({**self.scope, "type": "http", "method": "GET", "scheme": scheme}, io.BytesIO())
        return entrance.admit(entrance.credentials_of(request, is_stream=False))

    async def _hear(self, text: str) -> None:
        try:
            frame = frames.read(text)
            if frame.unsubscribe:
                self.session.unsubscribe(frame.unsubscribe)
            await self.session.subscribe(frame.subscribe, frame.since, frame.seen)
        except APIException as error:
            self.session.refuse(error)
        except Ended as error:
            await self._cut(CODES[error.code], error.code, str(error))

    async def _pump(self) -> None:
        try:
            async for message in self.session.stream():
                await self._say(message)
        except Ended as error:
            await self._cut(CODES[error.code], error.code, str(error))
        except TimeoutError:
            telemetry.emit("live.cut", code="slow")
            await self._close(POLICY)
        except Exception as error:  # noqa: BLE001  the client comes again; what it was is told here
            telemetry.emit("live.failed", error=repr(error))
            await self._close(FAILED)

    async def _say(self, message: messages.Message) -> None:
        async with asyncio.timeout(bounds.SENT_WITHIN):
            await self.send({"type": "websocket.send", "text": frames.write(message)})

    async def _cut(self, number: int, code: str, why: str) -> None:
        telemetry.emit("live.cut", code=code)
        with suppress(Exception):
            await self._say(messages.closing(code, why))
        await self._close(number)

    async def _close(self, number: int) -> None:
        with suppress(Exception):  # it may be gone already
            await self.send({"type": "websocket.close", "code": number})

    async def _deny(self, problem: Problem) -> None:
        """As an ordinary answer where the server can do that, so that programs learn why."""
        if "websocket.http.response" not in (self.scope.get("extensions") or {}):
            await self.send({"type": "websocket.close", "code": POLICY})
            return
        error = {"code": problem.code, "message": problem.message, "fields": problem.fields, "request_id": ""}
        headers = [(b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff")]
        headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
        await self.send({"type": "websocket.http.response.start", "status": problem.status, "headers": headers})
        await self.send({"type": "websocket.http.response.body", "body": json.dumps({"error": error}).encode()})


async def nothing_here(scope: Any, receive: Any, send: Any) -> None:
    """For every other path."""
    await send({"type": "websocket.close", "code": POLICY})
