"""One line of what needs a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

EACH = 4  # lines of one kind
BAD, WARN = "bad", "warn"


@dataclass(frozen=True)
class Line:
    """`what` happened, and the `action` that its address leads to."""

    key: str
    tone: str
    shape: str
    what: str
    detail: str
    url: str
    action: str
    at: datetime | None = None
    mark: str = ""


def more(key: str, count: int, what: str, url: str) -> Iterator[Line]:
    if count > EACH:
        yield Line(f"more-{key}", WARN, "dots", f"{count - EACH:,} more {what}", "", url, "Show all")
