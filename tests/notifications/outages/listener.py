"""A program that follows the inbox of its tenant, comes again from its place whenever it is cut off, and reads all of
it when it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from accounts import keys
from accounts.models import Tenant
from tests.live import wait_for
from tests.notifications.live.conftest import Message, Socket, Web

LONGEST_SILENCE = 1  # seconds, until it comes again


class Listener:
    def __init__(self, web: Web, key: str) -> None:
        self.counts: dict[int, int] = {}
        """What it knows of each notification."""
        self.heard: list[int] = []
        """The places of all changes, in the order in which they came."""
        self.place = ""
        self.is_over = threading.Event()
        self._web, self._key = web, key

    def follow(self) -> None:
        gone = (ConnectionClosed, InvalidHandshake, OSError, TimeoutError)
        while not self.is_over.wait(0.1):
            with suppress(*gone), self._web.socket(self._key) as socket:
                self._listen(socket)

    def _listen(self, socket: Socket) -> None:
        since = {"notifications": self.place} if self.place else {}
        socket.say(subscribe=["notifications"], since=since)
        while not self.is_over.is_set():
            self._take(json.loads(socket.connection.recv(timeout=LONGEST_SILENCE)))

    def _take(self, message: Message) -> None:
        if message["type"] in ("inbox", "resync"):
            self._read_all()
            self.place = message["seq"]
        elif message["type"] == "ui.notification":
            found = message["data"]["notification"]
            self.counts[found["id"]] = found["count"]
            self.place = message["seq"]
            self.heard.append(int(self.place))

    def _read_all(self) -> None:
        cursor: str | None = ""
        while cursor is not None:
            path = f"/api/v1/notifications?limit=100&cursor={cursor}" if cursor else "/api/v1/notifications?limit=100"
            answer = self._web.process.get(path, Authorization=f"Bearer {self._key}")
            if answer.status >= 500:
                raise OSError(answer.text)
            self.counts |= {row["id"]: row["count"] for row in answer.json["results"]}
            cursor = answer.json["next_cursor"]


@contextmanager
def listening(web: Web, tenant: Tenant) -> Iterator[Listener]:
    listener = Listener(web, keys.create(tenant=tenant, name="follows", scopes=["notifications:read"])[1])
    thread = threading.Thread(target=listener.follow, daemon=True)
    thread.start()
    wait_for(lambda: listener.place, what="how the inbox stands")
    try:
        yield listener
    finally:
        listener.is_over.set()
        thread.join(10)
