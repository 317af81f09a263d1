"""A small real policy server that decides, or misbehaves, as a test wants it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Policy:
    """`behaviour` answers the next requests; `asked` has what they asked, `connections` who came to ask."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = result(True)
        self.asked: list[dict[str, Any]] = []
        self.connections: set[tuple[str, int]] = set()
        self.url = ""


def result(value: Any) -> Behaviour:
    return body(json.dumps({"result": value}).encode())


def body(text: bytes, *, status: int = 200) -> Behaviour:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    return answer


def silence(seconds: float) -> Behaviour:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        result(True)(handler)

    return answer


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, so that no single read ever takes long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def without_end(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(2_000):
        handler.wfile.write(b"x" * 10_000)


@contextmanager
def serve() -> Iterator[Policy]:
    policy = Policy()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            policy.connections.add(self.client_address)
            policy.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"])
            try:
                policy.behaviour(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    policy.url = f"http://127.0.0.1:{server.server_address[1]}/v1/data/daybook/allow"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield policy
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
