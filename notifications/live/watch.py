"""Notices when workers or the lead have changed: what a page shows of them is compared with a moment ago."""

from __future__ import annotations

import time
from collections.abc import Collection

from jobs import queries
from notifications.live.topics import Topic
from scheduler_project.lib import sql

EVERY = 1.0  # seconds

FINGERPRINTS = {
    "workers": """
        SELECT md5(string_agg(concat_ws('|', name, started_at, stopped_at, health, trouble, draining_since, concurrency,
                   queues, heartbeat_at < now() - %(limit)s::interval), ',' ORDER BY name)) AS found FROM workers
    """,
    "scheduler": """
        SELECT md5(concat_ws('|',
            (SELECT string_agg(concat_ws('|', name, holder, epoch, expires_at < now()), ',' ORDER BY name)
             FROM scheduler_leases),
            (SELECT string_agg(concat_ws('|', holder, trouble, seen_at < now() - %(limit)s::interval), ','
                               ORDER BY holder) FROM scheduler_candidates),
            (SELECT max(id) FROM maintenance_windows WHERE ended_at IS NULL))) AS found
    """,
}


class Watch:
    def __init__(self) -> None:
        self._looked_at = 0.0
        self._known: dict[str, str] = {}

    def changed(self, listened: Collection[Topic]) -> list[Topic]:
        """The topics that are listened to and look different from last time."""
        now = time.monotonic()
        if now - self._looked_at < EVERY:
            return []
        self._looked_at = now
        wanted = [topic for topic in listened if topic.kind in FINGERPRINTS]
        before, self._known = self._known, {topic.kind: _fingerprint(topic.kind) for topic in wanted}
        # What nobody has listened to before counts as changed: it may have done so since the listener read it.
        return [topic for topic in wanted if before.get(topic.kind) != self._known[topic.kind]]


def _fingerprint(kind: str) -> str:
    row = sql.row(FINGERPRINTS[kind], {"limit": queries.heartbeat_limit()})
    return (row and row["found"]) or ""
