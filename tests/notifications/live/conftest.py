"""A real web process, the leader's loop beside it, and clients by WebSocket and SSE."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from notifications.live import broadcast, register
from scheduler_project.lib import quick_redis
from scheduler_project.lib.loop import Loop
from tests import live
from tests.jobs.api.conftest import job_of, run_of

__all__ = ["job_of", "run_of"]

Message = dict[str, Any]


class Socket:
    """A WebSocket client that keeps what it has heard."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.heard: list[Message] = []

    def say(self, **frame: Any) -> None:
        self.connection.send(json.dumps(frame))

    def listen(self, *topics: str, since: dict[str, str] | None = None) -> Message:
        self.say(subscribe=list(topics), since=since or {})
        return self.wait_for(lambda message: message["type"] in ("subscribed", "refused"))

    def wait_for(self, is_it: Callable[[Message], bool], *, seconds: float = 15) -> Message:
        ends_at = time.monotonic() + seconds
        while True:
            message = json.loads(self.connection.recv(timeout=max(ends_at - time.monotonic(), 0.01)))
            self.heard.append(message)
            if is_it(message):
                return message

    def of_type(self, kind: str) -> list[Message]:
        return [message for message in self.heard if message["type"] == kind]


class Web:
    """A web process and how clients reach it."""

    def __init__(self, process: live.LiveWeb) -> None:
        self.process = process
        self.host = f"127.0.0.1:{process.port}"
        self.origin = f"http://{self.host}"

    @contextmanager
    def socket(self, key: str = "", *, query: str = "", **headers: str) -> Iterator[Socket]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["Authorization"] = f"Bearer {key}"
        with connect(
            f"ws://{self.host}/ws/live{query}", additional_headers=sent, compression=None, close_timeout=1, proxy=None
        ) as connection:
            yield Socket(connection)

    @contextmanager
    def stream(self, query: str, **headers: str) -> Iterator[HTTPResponse]:
        connection = HTTPConnection("127.0.0.1", self.process.port, timeout=15)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", f"/api/v1/live?{query}", headers=sent)
        try:
            yield connection.getresponse()
        finally:
            connection.close()


def events(response: HTTPResponse) -> Iterator[tuple[str, Message]]:
    """Id and message of each event of a stream."""
    mark = ""
    for raw in response:
        line = raw.decode().rstrip("\n")
        if line.startswith("id: "):
            mark = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield mark, json.loads(line.removeprefix("data: "))


@pytest.fixture(scope="module")
def web(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with django_db_blocker.unblock():
        options = {"DAYBOOK_LIVE_RECHECK": "0.5", "DAYBOOK_TRUSTED_ORIGINS": "https://console.example.com"}
        with live.web(tmp_path_factory.mktemp("web"), **options) as process:
            yield Web(process)


@pytest.fixture
def leading(transactional_db: None) -> Iterator[None]:
    """The leader's loop, as the scheduler process runs it. Who listened in earlier tests is forgotten."""
    quick_redis.ask(lambda redis: redis.delete(register.KEY))
    loop = Loop("live", broadcast.make_sweep(), interval=timedelta(seconds=broadcast.EVERY))
    loop.start()
    yield
    loop.stop()
