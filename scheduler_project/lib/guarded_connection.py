"""A connection to a checked address within a time limit: the address that was judged is the one that is called."""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from scheduler_project.lib.addresses import Address

Judge = Callable[[str, Address], None]


class Deadline:
    """Ends a whole exchange in time. Limits on single reads do not: a server may send one byte now and then."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut_down)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._forget()

    @property
    def has_passed(self) -> bool:
        return time.monotonic() >= self._ends_at

    @property
    def left(self) -> float:
        return max(self._ends_at - time.monotonic(), 0.001)

    def watch(self, connected: socket.socket) -> None:
        self._forget()
        with self._lock:
            self._socket = connected.dup()  # TLS takes the original for itself
        if self.has_passed:
            self._shut_down()

    def _shut_down(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def _forget(self) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None


class Dialer:
    """Resolves once, has every address judged, and connects to those."""

    def __init__(self, judge: Judge, deadline: Deadline) -> None:
        self._judge = judge
        self._deadline = deadline

    def connect(self, connection: HTTPConnection) -> socket.socket:
        host = connection.host.strip("[]")
        found = self._resolve(connection, host)
        for *_, sockaddr in found:
            self._judge(host, ipaddress.ip_address(sockaddr[0]))
        problem: OSError | None = None
        for family, kind, protocol, _, sockaddr in found:
            connected = socket.socket(family, kind, protocol)
            try:
                connected.settimeout(self._deadline.left)
                connected.connect(sockaddr)
            except OSError as error:
                connected.close()
                problem = error
                continue
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._deadline.watch(connected)
            return connected
        raise NewConnectionError(connection, f"{host} cannot be reached: {problem}")

    def _resolve(self, connection: HTTPConnection, host: str) -> list[Any]:
        """In a thread of its own, since the system's resolver knows no time limit."""
        answers: queue.SimpleQueue[list[Any] | OSError | UnicodeError] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=ask, daemon=True, name="resolve").start()
        try:
            answer = answers.get(timeout=self._deadline.left)
        except queue.Empty:
            raise ConnectTimeoutError(connection, f"the name {host} was not resolved in time") from None
        if isinstance(answer, list) and answer:
            return answer
        raise NewConnectionError(connection, f"the name {host} cannot be resolved: {answer or 'it has no address'}")


class _GuardedHTTPConnection(HTTPConnection):
    def __init__(self, *arguments: Any, dialer: Dialer, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._dialer = dialer

    def _new_conn(self) -> socket.socket:
        return self._dialer.connect(self)


class _GuardedHTTPSConnection(HTTPSConnection):
    def __init__(self, *arguments: Any, dialer: Dialer, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._dialer = dialer

    def _new_conn(self) -> socket.socket:
        return self._dialer.connect(self)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPSConnection


def open_pool(scheme: str, host: str, port: int, *, dialer: Dialer, ca_file: str | None = None) -> HTTPConnectionPool:
    """For one exchange; proxies of the environment are not asked."""
    if scheme == "https":
        return _HTTPSPool(host, port, maxsize=1, retries=False, dialer=dialer, ca_certs=ca_file)
    return _HTTPPool(host, port, maxsize=1, retries=False, dialer=dialer)
