"""Notices workers that nobody hears any more, and tells it once for each silence."""

from __future__ import annotations

from datetime import datetime, timedelta

from jobs import queries, scheduler_events
from jobs.scheduler_events import Event
from scheduler_project.lib import markup, sql, transactions

EVERY = timedelta(seconds=5)
# After an outage of the database every heartbeat is old for a moment; so a silence has to last while this looks on.
LOOKS = 3

SILENT = """
SELECT w.name, w.heartbeat_at, extract(epoch FROM clock_timestamp() - w.heartbeat_at)::float AS seconds
FROM workers w
WHERE (w.stopped_at IS NULL OR w.stopped_at < w.heartbeat_at)
  AND w.heartbeat_at < clock_timestamp() - %(limit)s::interval
"""
# Whoever leads next asks what was told before; the lock is for two that believe to lead.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('daybook silent workers', 0))"
TOLD = """
SELECT v.name FROM unnest(%(names)s::text[], %(since)s::timestamptz[]) AS v(name, since)
WHERE EXISTS (SELECT FROM scheduler_events e
              WHERE e.type = 'worker_silent' AND e.source = left(v.name, 200) AND e.at > v.since)
"""


class SilentWorkers:
    """One candidate's."""

    def __init__(self) -> None:
        self._looks: dict[tuple[str, datetime], int] = {}

    def sweep(self) -> int:
        """Look once. Returns how many were told of."""
        silent = {
            (row["name"], row["heartbeat_at"]): row for row in sql.rows(SILENT, {"limit": queries.heartbeat_limit()})
        }
        self._looks = {key: self._looks.get(key, 0) + 1 for key in silent}
        return _tell([silent[key] for key, looks in self._looks.items() if looks == LOOKS])


def _tell(silent: list[sql.Row]) -> int:
    if not silent:
        return 0
    with transactions.engine():
        sql.rows(LOCK)
        asked = {"names": [row["name"] for row in silent], "since": [row["heartbeat_at"] for row in silent]}
        told = {row["name"] for row in sql.rows(TOLD, asked)}
        events = [_event(row) for row in silent if row["name"] not in told]
        scheduler_events.record(events)
    return len(events)


def _event(row: sql.Row) -> Event:
    silence = markup.duration(round(row["seconds"]))
    words = f"Nothing has been heard of the worker {row['name']} for {silence}; its runs are tried again elsewhere."
    return Event("worker_silent", words, source=row["name"])
