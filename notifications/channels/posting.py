"""One call by HTTP for a channel: never redirected, bounded in time and size, to public hosts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.rules.webhooks import retry_after
from notifications.rules.answers import GONE, Answer, Came, of_status
from scheduler_project.lib.http import REDIRECTED, HttpClient

TIME_LIMIT = timedelta(seconds=10)
SIZE_LIMIT = 65_536  # of an answer; nobody reads more than its beginning
REFUSALS = frozenset({400, 401, 403, 404, 405, GONE, 413, 422})  # of services whose rules we know


def client() -> HttpClient:
    return HttpClient(time_limit=TIME_LIMIT, size_limit=SIZE_LIMIT, redirects=0)


def as_json(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def post(
    url: str, body: bytes, *, headers: Mapping[str, str] | None = None, refusals: frozenset[int] = REFUSALS
) -> Answer:
    """Raises what `HttpClient` raises."""
    sent = {"Content-Type": "application/json", "User-Agent": "Daybook-Notifications", **(headers or {})}
    response = client().post(url, headers=sent, body=body)
    if response.status in REDIRECTED:
        error = f"The receiver redirects ({response.status}). Write the address that it redirects to."
        return Answer(Came.LATER, response.status, response.text, error)
    wait = retry_after(response.headers.get("retry-after", ""), now=datetime.now(UTC))
    return of_status(response.status, response.text, retry_after=wait, refusals=refusals)
