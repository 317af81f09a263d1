"""What a topic with places has that is new: messages in order, and the place of the client after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from notifications.live.messages import Message
from scheduler_project.lib.instants import instant


class Place(Protocol):
    """How far a client is. As text it is the `seq` of messages."""

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class Beat:
    """The last heartbeat of whoever runs it: when it was, and how far the run said to be. Has no place of its own."""

    number: tuple[int, int]
    at: datetime
    progress: Mapping[str, Any] | None

    def message(self, topic: str) -> Message:
        told = self.progress
        shown = told and {name: told.get(name) for name in ("done", "total", "text")}
        return {"topic": topic, "type": "progress", "data": {"progress": shown}, "at": instant(self.at)}


@dataclass(frozen=True)
class News:
    """`is_over`: nothing will follow; `beat` is told when it is another than before."""

    messages: list[Message]
    place: Place
    has_more: bool = False
    is_over: bool = False
    beat: Beat | None = None
