"""Bodies that are too large, sent to a real web process."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from accounts import keys
from accounts.models import Tenant
from accounts.scopes import Scope
from tests import live
from tests.live import wait_for

MEGABYTE = 1_000_000


def post(web: live.LiveWeb, body: bytes | Iterator[bytes], path: str = "/api/v1/tasks", **headers: str) -> Any:
    connection = HTTPConnection("127.0.0.1", web.port, timeout=30)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
            connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    finally:
        connection.close()


def head_only(web: live.LiveWeb, length: int) -> tuple[HTTPResponse, Any, float]:
    """Announce a body, send none of it, and see what is answered and after how long."""
    with socket.create_connection(("127.0.0.1", web.port), 30) as connection:
        began = time.monotonic()
        connection.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % length)
        answer = HTTPResponse(connection)  # its head and body may come apart
        answer.begin()
        return answer, json.loads(answer.read()), time.monotonic() - began


def memory_of(web: live.LiveWeb) -> int:
    status = Path(f"/proc/{web.pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


@pytest.mark.django_db(transaction=True)
class TestBodies:
    def test_that_are_too_large_are_refused_unread(self, tmp_path: Path) -> None:
        tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
        _, key = keys.create(tenant=tenant, name="test", scopes=[Scope.TASK_READ])
        with live.web(tmp_path) as web:
            good = {"Authorization": f"Bearer {key}"}
            small = b'{"template": "echo"}'
            assert post(web, small, **good)[1]["error"]["code"] == "missing_scope"  # all is loaded now

            answer, body, _ = head_only(web, 10 * MEGABYTE)
            assert (answer.status, body["error"]["code"]) == (413, "too_large")
            assert answer.headers["x-request-id"]
            # Others on the machine delay some of them.
            wait_for(lambda: head_only(web, 10 * MEGABYTE)[2] < 0.1, what="a refusal within a tenth of a second")

            before = memory_of(web)
            whole = post(web, b" " * 10 * MEGABYTE, **good)
            unannounced = post(web, (b" " * 65_536 for _ in range(200)), **good)
            for status, body in (whole, unannounced):
                assert (status, body["error"]["code"]) == (413, "too_large")
            assert memory_of(web) - before < 8 * MEGABYTE

            in_pieces = post(web, iter([small[:7], small[7:]]), path="/api/v1/schedules/preview", **good)
            assert in_pieces[1]["error"]["code"] == "missing_scope"
            key_2 = keys.create(tenant=tenant, name="test", scopes=[Scope.SCHEDULER_READ])[1]
            schedule = iter([b'{"schedule": {"kind": "cron", ', b'"cron": "0 9 * * *"}}'])
            status, body = post(web, schedule, path="/api/v1/schedules/preview", Authorization=f"Bearer {key_2}")
            assert status == 200, body  # a body of unknown length is read like any other
