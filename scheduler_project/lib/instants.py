"""How instants are written for other programs, where no serializer of the API does it."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(at: datetime) -> str:
    """In UTC, to the millisecond: `2026-11-21T09:00:00.120Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
