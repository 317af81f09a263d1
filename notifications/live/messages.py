"""The messages that clients get, the same by WebSocket and by SSE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from notifications.live import bounds
from notifications.live.topics import Topic
from scheduler_project.api.errors import as_problem
from scheduler_project.lib.instants import instant

Message = dict[str, Any]


def now() -> str:
    return instant(datetime.now(UTC))


def subscribed(topics: Iterable[Topic]) -> Message:
    return {"type": "subscribed", "topics": [str(topic) for topic in topics], "at": now()}


def unsubscribed(topics: Iterable[str]) -> Message:
    return {"type": "unsubscribed", "topics": list(topics), "at": now()}


def refused(error: Exception, *, topic: str | None = None) -> Message:
    """The error as the API would put it."""
    problem = as_problem(error)
    about = {"code": problem.code, "message": problem.message, "fields": problem.fields, "status": problem.status}
    return {"type": "refused", "topic": topic, "error": about, "at": now()}


def heartbeat() -> Message:
    return {"type": "heartbeat", "at": now()}


def resync(topic: Topic) -> Message:
    """Something may have been missed: read again what is shown."""
    return {"topic": str(topic), "type": "resync", "at": now()}


def closing(code: str, message: str) -> Message:
    return {"type": "closing", "error": {"code": code, "message": message}, "at": now()}


@dataclass
class Summary:
    """What happened under one topic since its last message, added up: at most a few ids, however much it was."""

    events: Counter[str] = field(default_factory=Counter)
    executions: dict[int, None] = field(default_factory=dict)
    jobs: dict[int, None] = field(default_factory=dict)
    has_more: bool = False

    def add(self, event: str, *, execution: int | None = None, job: int | None = None) -> None:
        self.events[event] += 1
        self._remember(self.executions, (execution,))
        self._remember(self.jobs, (job,))

    def merge(self, data: Mapping[str, Any]) -> None:
        self.events.update(data["events"])
        self._remember(self.executions, data["executions"])
        self._remember(self.jobs, data["jobs"])
        self.has_more |= data["has_more"]

    def data(self) -> dict[str, Any]:
        return {
            "events": dict(sorted(self.events.items())),
            "executions": list(self.executions),
            "jobs": list(self.jobs),
            "has_more": self.has_more,
        }

    def _remember(self, known: dict[int, None], ids: Iterable[int | None]) -> None:
        for one in ids:
            if one is None or one in known:
                continue
            if len(known) >= bounds.IDS:
                self.has_more = True
                return
            known[one] = None


def changed(topic: Topic, change: Summary) -> Message:
    return {"topic": str(topic), "type": "changed", "data": change.data(), "at": now()}
