"""ASGI: a body that is larger than its path may have is refused at once, and one of unknown length is cut off there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

SMALL = 1_000_000  # bytes up to which every path takes a body
# Most clients read nothing before they have sent everything, so what they still send is heard out, up to here.
HEARD_OUT = 32_000_000
HEARD_OUT_SECONDS = 5.0


class BoundedBodies:
    """`most(method, path)` says how many bytes a path takes, `refusal(scope, most)` what is answered to more."""

    def __init__(
        self,
        application: Application,
        *,
        most: Callable[[str, str], int],
        refusal: Callable[[Scope, int], tuple[Headers, bytes]],
    ) -> None:
        self._application = application
        self._most = most
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._application(scope, receive, send)
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        if length.isdigit():
            if int(length) > SMALL and int(length) > (most := self._most(scope["method"], scope["path"])):
                return await self._refuse(scope, receive, send, most)
            return await self._application(scope, receive, send)
        if b"transfer-encoding" not in headers:
            return await self._application(scope, receive, send)
        return await self._measure(scope, receive, send)

    async def _measure(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a body of unknown length as far as it may go, and pass it on as one of known length."""
        body, most, is_open = bytearray(), SMALL, True
        while is_open:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            is_open = message.get("more_body", False)
            if len(body) > most:
                most = self._most(scope["method"], scope["path"])
                if len(body) > most:
                    return await self._refuse(scope, receive, send, most, is_open=is_open)
        known = [(name, value) for name, value in scope["headers"] if name != b"transfer-encoding"]
        known.append((b"content-length", str(len(body)).encode()))
        is_given = False

        async def give() -> Message:
            nonlocal is_given
            if is_given:
                return await receive()
            is_given = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        return await self._application({**scope, "headers": known}, give, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, most: int, *, is_open: bool = True) -> None:
        headers, body = self._refusal(scope, most)
        headers = [*headers, (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        if is_open:
            with suppress(TimeoutError):
                await asyncio.wait_for(_hear_out(receive), HEARD_OUT_SECONDS)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _hear_out(receive: Receive) -> None:
    heard, is_open = 0, True
    while is_open and heard < HEARD_OUT:
        message = await receive()
        heard += len(message.get("body", b""))
        is_open = message["type"] == "http.request" and message.get("more_body", False)
