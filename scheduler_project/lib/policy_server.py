"""Asks a policy server for a decision by OPA's data API: `{"input": …}` is posted, `{"result": …}` comes back.

Its address is the operator's choice, so private ones are fine; proxies of the environment are not asked.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError

from scheduler_project.lib import telemetry
from scheduler_project.lib.fuse import Fuse
from scheduler_project.lib.guarded_connection import Deadline, Dialer

LARGEST_ANSWER = 65_536
KEPT_OPEN = 8  # connections
FAILURES, REST = 3, 5.0
LONGEST_REASON = 500


class PolicyUnavailable(Exception):
    """There is no decision: the server did not answer in time, or with nothing that says yes or no."""


@dataclass(frozen=True)
class Decision:
    is_allowed: bool
    reason: str = ""


class _Exchange(threading.local):
    deadline: Deadline | None = None


_exchange = _Exchange()


def _connect(connection: HTTPConnection) -> socket.socket:
    assert _exchange.deadline is not None
    return Dialer(lambda host, address: None, _exchange.deadline).connect(connection)


def _watch(connection: HTTPConnection) -> None:
    """The deadline ends what goes over a connection that was kept open, too."""
    if _exchange.deadline is not None and isinstance(connection.sock, socket.socket):
        _exchange.deadline.watch(connection.sock)


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)

    def request(self, *arguments: Any, **options: Any) -> None:
        _watch(self)
        super().request(*arguments, **options)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)

    def request(self, *arguments: Any, **options: Any) -> None:
        _watch(self)
        super().request(*arguments, **options)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class PolicyServer:
    def __init__(self, url: str, *, seconds: float) -> None:
        parts = urlsplit(url)
        pool = _SecurePool if parts.scheme == "https" else _Pool
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._seconds = seconds
        self._fuse = Fuse(failures=FAILURES, rest=REST)
        self._pool = pool(cast(str, parts.hostname), parts.port, maxsize=KEPT_OPEN, retries=False)

    def decide(self, question: Mapping[str, Any]) -> Decision:
        """Within the time limit, and at once while the server is known not to answer. Raises `PolicyUnavailable`."""
        if not self._fuse.admits():
            raise PolicyUnavailable("it has not answered a moment ago")
        try:
            decision = _read(self._ask(json.dumps({"input": question}).encode()))
        except PolicyUnavailable as error:
            if self._fuse.failed():
                telemetry.emit("policy.lost", error=str(error), seconds=REST)
            raise
        self._fuse.succeeded()
        return decision

    def _ask(self, body: bytes) -> bytes:
        with Deadline(self._seconds) as deadline:
            _exchange.deadline = deadline
            try:
                return self._exchange(body, deadline)
            except (HTTPError, OSError) as error:
                if deadline.has_passed:
                    raise PolicyUnavailable("it did not answer in time") from error
                raise PolicyUnavailable(f"it cannot be reached: {type(error).__name__}") from error
            finally:
                _exchange.deadline = None

    def _exchange(self, body: bytes, deadline: Deadline) -> bytes:
        try:
            return self._post(body, deadline)
        except ProtocolError as error:
            # A connection that was kept open may have been closed there meanwhile.
            if deadline.has_passed or not isinstance(error.args[-1], ConnectionError):
                raise
            return self._post(body, deadline)

    def _post(self, body: bytes, deadline: Deadline) -> bytes:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "Daybook"}
        response = self._pool.urlopen(
            "POST",
            self._target,
            body=body,
            headers=headers,
            redirect=False,
            timeout=deadline.left,
            preload_content=False,
        )
        found = b""
        try:
            found = response.read(LARGEST_ANSWER + 1)
        finally:
            if len(found) > LARGEST_ANSWER or response.length_remaining:
                response.close()
            response.release_conn()
        if response.status != 200:
            raise PolicyUnavailable(f"it answered with the status {response.status}")
        if len(found) > LARGEST_ANSWER:
            raise PolicyUnavailable(f"its answer is larger than {LARGEST_ANSWER} bytes")
        if deadline.has_passed:  # what was cut off can look whole
            raise PolicyUnavailable("it did not answer in time")
        return bytes(found)


def _read(body: bytes) -> Decision:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise PolicyUnavailable("its answer is not JSON") from None
    if not isinstance(answer, dict):
        raise PolicyUnavailable("its answer is not an object")
    if "result" not in answer:
        return Decision(False, "The policy has no decision for this.")
    result = answer["result"]
    if isinstance(result, bool):
        return Decision(result)
    if isinstance(result, dict) and isinstance(result.get("allow"), bool):
        reason = result.get("reason", "")
        return Decision(result["allow"], reason[:LONGEST_REASON] if isinstance(reason, str) else "")
    raise PolicyUnavailable("its result is neither true nor false, nor an object with `allow`")
