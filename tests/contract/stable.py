"""What changes from one time to the next, or should be nobody's to read, is replaced by something fixed that looks the
same."""

from __future__ import annotations

import re
import socket
from typing import Any

MORNING = "2026-11-21T09:00:00Z"
INSTANTS = {
    **dict.fromkeys(("next_tick_at", "nextRunTime", "expires_at", "until", "old_good_until"), "2026-11-22T09:00:00Z"),
    **dict.fromkeys(("finished_at", "ended_at", "settled_at"), "2026-11-21T09:00:04Z"),
    **dict.fromkeys(("started_at", "claimed_at"), "2026-11-21T09:00:01Z"),
    **dict.fromkeys(("created_at", "since"), "2026-11-20T16:30:00Z"),
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
VALUES: dict[str, Any] = {
    "waiting_seconds": 2.5,
    "oldest_seconds": 3.5,
    "age_seconds": 0.4,
    "seconds": 0.12,
    "expires_in": 600,
    "refresh_expires_in": 86_400,
    "prefix": "1a2b3c4d",
    "ticket": "…",
    "pid": 4711,
    "processes": 2,
}
REPLACED = (
    (re.compile(r"^[0-9a-f]{8}$"), "1a2b3c4d"),
    (re.compile(r"\bkey:[0-9a-f]{8}\b"), "key:1a2b3c4d"),
    (re.compile(r"/hooks/[\w-]{22}"), "/hooks/kT3mQx0rS1uWvYzA2bC4dE"),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), "eyJ…"),
    (re.compile(r"sch_live_[0-9a-f]{8}_[\w-]{43}"), "sch_live_1a2b3c4d_…"),
    (re.compile(r"\bdbk_[\w-]{20,}"), "dbk_…"),
    (
        re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    ),
    (re.compile(r"\b[0-9a-f]{64}\b"), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "9f86d081884c7d659a2feaa0c55ad015"),
    (re.compile(r"\b127\.0\.0\.1\b"), "192.0.2.7"),
    (re.compile(re.escape(socket.gethostname())), "app-1"),
)


def request(value: Any) -> Any:
    """Of a body that a test wrote only what it was given to send back."""
    return _each(value, "", instants=False)


def answer(value: Any) -> Any:
    """Of lists the first item is enough."""
    return _each(value, "", instants=True)


def _each(value: Any, name: str, *, instants: bool) -> Any:
    if isinstance(value, dict):
        return {key: _each(item, key, instants=instants) for key, item in value.items()}
    if isinstance(value, list):
        shown = value[:1] if instants and value and isinstance(value[0], dict | list) else value
        return [_each(item, name, instants=instants) for item in shown]
    if instants and name in VALUES and isinstance(value, float if name == "seconds" else float | int | str):
        return VALUES[name]
    if not isinstance(value, str):
        return value
    if instants:
        value = INSTANT.sub(INSTANTS.get(name, MORNING), value)
    for pattern, replacement in REPLACED:
        value = pattern.sub(replacement, value)
    return value
