"""The zone in which the console shows times: what the viewer chose, else UTC. Input is not read in it."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

COOKIE = "daybook_zone"

current: ContextVar[tzinfo] = ContextVar("viewer_zone", default=UTC)


def choose(name: str) -> None:
    """For this request; a name that means nothing is UTC."""
    current.set(_find(name))


def local(at: datetime) -> datetime:
    return at.astimezone(current.get())


def label(at: datetime) -> str:
    """`UTC`, `CET`, `-03`: short, as it stands behind a time."""
    return at.astimezone(current.get()).tzname() or ""


def name() -> str:
    """`Europe/Berlin`, `UTC`."""
    return getattr(current.get(), "key", "UTC")


@lru_cache(maxsize=512)
def _find(name: str) -> tzinfo:
    if not name or name == "UTC" or len(name) > 64:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
