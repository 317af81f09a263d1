"""What has happened between the drawing of a page and the moment from which its client is told of changes."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

from django.db import DataError

from notifications.live import broadcast, changes, messages
from notifications.live.changes import TooMuch
from notifications.live.topics import Topic
from scheduler_project.api.errors import Invalid
from scheduler_project.lib import sql

LONGEST: Final = 4_000
FORM = re.compile(r"(?P<snapshot>[0-9]{1,20}:[0-9]{1,20}:[0-9,]*)/(?P<revision>[0-9]{1,18})", re.ASCII)
LOOK = """
SELECT pg_current_snapshot()::text || '/' || (SELECT coalesce(max(id), 0) FROM job_revisions)::text AS seen
"""


def look() -> str:
    """How things stand, for a page that is about to be drawn. Empty when too much is under way to be written down."""
    (found,) = sql.rows(LOOK)
    seen: str = found["seen"]
    return seen if len(seen) <= LONGEST else ""


def since(seen: object, wanted: Collection[Topic]) -> dict[Topic, dict[str, Any]]:
    """A message for each topic that has changed since. What keeps no history is told to be read again. Raises
    `Invalid`."""
    found = FORM.fullmatch(seen) if isinstance(seen, str) and len(seen) <= LONGEST else None
    if found is None:
        raise _unreadable(seen)
    topics = {topic for topic in wanted if not topic.has_places}
    without_history = {topic: messages.resync(topic) for topic in topics if topic.kind in ("workers", "scheduler")}
    try:
        events = changes.read_since(found["snapshot"], int(found["revision"]))
    except TooMuch:
        return {topic: messages.resync(topic) for topic in topics}
    except DataError:
        raise _unreadable(seen) from None
    return without_history | broadcast.messages_for(events, topics)


def _unreadable(seen: object) -> Invalid:
    return Invalid(
        {"seen": [f"{str(seen)[:40]!r} is no state of the database. Send what the page was given, or nothing."]}
    )
