"""Reads what has been committed since the last look: the events of executions, and revisions of jobs.

Unlike a reader of the outbox with a cursor it writes nothing and waits for no transaction that is still open: it keeps
the snapshot of the last look and asks for what that one did not see. Whoever leads begins anew, so what happened in
between is not told; listeners are told to read again instead.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from scheduler_project.lib import sql

MOST = 5_000  # events in one look; beyond that, listeners read again

# Numbers of transactions beyond the newest come from another cluster that was restored here.
EVENTS = """
WITH now AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot)
SELECT now.snapshot::text AS snapshot, v.*
FROM now LEFT JOIN LATERAL (
    SELECT kind, tenant_id, job_id, execution_id FROM execution_events
    WHERE xid >= pg_snapshot_xmin(%(before)s::pg_snapshot)::text::bigint
      AND xid < pg_snapshot_xmax(now.snapshot)::text::bigint
      AND NOT pg_visible_in_snapshot(xid::text::xid8, %(before)s::pg_snapshot)
    ORDER BY xid, id LIMIT %(most)s
) v ON true
"""
# Revisions have no number of their transaction, so the last few are looked at again: ids are given before the commit.
AGAIN = 200
SNAPSHOT = """
SELECT pg_current_snapshot()::text AS snapshot,
       ARRAY(SELECT id FROM job_revisions ORDER BY id DESC LIMIT %(again)s) AS revisions
"""

REVISIONS = """
SELECT r.id, r.job_id, r.change, j.tenant_id FROM job_revisions r JOIN dynamic_jobs j ON j.id = r.job_id
WHERE r.id > %(after)s AND r.id <> ALL(%(known)s::bigint[]) ORDER BY r.id LIMIT %(most)s
"""


@dataclass(frozen=True)
class Event:
    name: str
    tenant_id: int
    job_id: int | None
    execution_id: int | None = None


class TooMuch(Exception):
    """More has happened than can be told one by one."""


class Changes:
    def __init__(self) -> None:
        self._snapshot: str | None = None
        self._revisions: deque[int] = deque(maxlen=2 * AGAIN)

    @property
    def has_begun(self) -> bool:
        return self._snapshot is not None

    def begin(self) -> None:
        """From here on."""
        place = sql.row(SNAPSHOT, {"again": AGAIN})
        assert place is not None
        self._snapshot = place["snapshot"]
        self._revisions = deque(reversed(place["revisions"]), maxlen=2 * AGAIN)

    def forget(self) -> None:
        self._snapshot = None

    def read(self) -> list[Event]:
        """Raises `TooMuch`, after which it goes on from now."""
        rows = sql.rows(EVENTS, {"before": self._snapshot, "most": MOST + 1}, prepare=False)
        events = _events(rows)
        if len(events) > MOST:
            self.begin()
            raise TooMuch
        self._snapshot = rows[0]["snapshot"]
        return events + self._read_revisions()

    def _read_revisions(self) -> list[Event]:
        after = max(self._revisions, default=0) - AGAIN
        known = [one for one in self._revisions if one > after]
        rows = sql.rows(REVISIONS, {"after": after, "known": known, "most": AGAIN}, prepare=False)
        self._revisions.extend(row["id"] for row in rows)
        return _revised(rows)


def read_since(snapshot: str, revision: int) -> list[Event]:
    """What a look at this snapshot, with this revision as the last one, has not seen. Raises `TooMuch`."""
    events = _events(sql.rows(EVENTS, {"before": snapshot, "most": MOST + 1}, prepare=False))
    if len(events) > MOST:
        raise TooMuch
    return events + _revised(sql.rows(REVISIONS, {"after": revision, "known": [], "most": AGAIN}, prepare=False))


def _events(rows: list[sql.Row]) -> list[Event]:
    return [
        Event(f"execution.{row['kind']}", row["tenant_id"], row["job_id"], row["execution_id"])
        for row in rows
        if row["execution_id"] is not None
    ]


def _revised(rows: list[sql.Row]) -> list[Event]:
    return [Event(f"job.{row['change']}", row["tenant_id"], row["job_id"]) for row in rows]
