"""Bodies that are too large, sent to a real web process."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from accounts import keys
from accounts.models import Tenant
from accounts.scopes import Scope
from tests import live

MEGABYTE = 1_000_000


def post(web: live.LiveWeb, body: bytes | Iterator[bytes], path: str = "/api/v1/tasks", **headers: str) -> Any:
    connection = HTTPConnection("127.0.0.1", web.port, timeout=10)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    finally:
        connection.close()


def head_only(web: live.LiveWeb, length: int) -> tuple[bytes, float]:
    """Announce a body, send none of it, and see what is answered and after how long."""
    with socket.create_connection(("127.0.0.1", web.port), 5) as connection:
        began = time.monotonic()
        connection.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % length)
        return connection.recv(65_536), time.monotonic() - began


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
            before = memory_of(web)

            answer, seconds = min((head_only(web, 10 * MEGABYTE) for _ in range(3)), key=lambda one: one[1])
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b'"code": "too_large"' in answer
            assert b"x-request-id: " in answer
            assert seconds < 0.1

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
