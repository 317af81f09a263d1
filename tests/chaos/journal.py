"""The journal that the runs write themselves, outside the database: one line per start, sign of life and end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

START, ALIVE, END = "S", "B", "E"


@dataclass(frozen=True)
class Line:
    mark: str
    run_key: UUID
    execution_id: int
    fence: int
    pid: int
    at: datetime


def read(path: Path) -> Iterator[Line]:
    """Every whole line; each was written at once, so only the last can be torn, by a full disk."""
    if not path.exists():
        return
    for text in path.read_text().splitlines():
        mark, run_key, execution_id, fence, pid, at, *_ = text.split()
        instant = datetime.fromtimestamp(float(at), UTC)
        yield Line(mark, UUID(run_key), int(execution_id), int(fence), int(pid), instant)
