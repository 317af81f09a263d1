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


def more(key: str, count: int, one: str, many: str, url: str) -> Iterator[Line]:
    if left := max(count - EACH, 0):
        what = one if left == 1 else many
        yield Line(f"more-{key}", WARN, "dots", f"{left:,} more {what}", "", url, "Show all")
