"""One call by HTTP for a channel: never redirected, bounded in time and size, to public hosts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jobs.rules.webhooks import GONE
from jobs.webhooks.calling import ask
from notifications.rules.answers import Answer, Came, of_status

REFUSALS = frozenset({400, 401, 403, 404, 405, GONE, 413, 422})  # of services whose rules we know


def as_json(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def post(
    url: str, body: bytes, *, headers: Mapping[str, str] | None = None, refusals: frozenset[int] = REFUSALS
) -> Answer:
    """Raises what `HttpClient` raises."""
    sent = {"Content-Type": "application/json", "User-Agent": "Daybook-Notifications", **(headers or {})}
    found = ask(url, body, sent)
    assert found.status is not None  # it raises where there is no answer
    if found.error:
        return Answer(Came.LATER, found.status, found.text, found.error)
    return of_status(found.status, found.text, retry_after=found.retry_after, refusals=refusals)
