"""Reads what happened in order, once for each reader: to executions, or to the scheduling. What a reader makes of it is
the reader's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from jobs.models import EventCursor
from scheduler_project.lib import sql, transactions

BATCH = 2_000


@dataclass(frozen=True)
class Stream:
    """A table of happenings that nobody changes, in the order of `xid` and `id`."""

    table: str
    columns: str
    condition: str = "true"
    is_append_only: bool = False
    """A trigger refuses every change: after a restore what nobody had read stays unread."""


OF_EXECUTIONS = Stream("execution_events", "id, xid, kind, at, sequence, tenant_id, job_id, execution_id, data")
OF_THE_SCHEDULING = Stream(
    "scheduler_events",
    "id, xid, type, at, level, count, tenant_id, job_id, execution_id, source, message, data",
    condition="level <> 'info'",  # what is only counted is in no index of theirs
    is_append_only=True,
)

# Transactions that were open when this one began may still commit events with a smaller xid, so those wait.
NEXT = """
SELECT {columns} FROM {table}
WHERE (xid, id) > (%(xid)s, %(id)s) AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint AND {condition}
ORDER BY xid, id LIMIT %(limit)s
"""

# One statement, so one snapshot: whatever is not over in it comes after this place.
HORIZON = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1 AS xid,
       (SELECT last_value FROM {table}_id_seq) AS event_id
WHERE {condition}
"""

PLACE = """
SELECT xid, event_id, xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS is_ahead FROM event_cursors
WHERE name = %(reader)s
"""

# A database that was restored into a new cluster begins its transaction numbers anew, below those of the stored events.
IS_AHEAD = "SELECT 1 FROM pg_current_snapshot() AS s WHERE pg_snapshot_xmax(s)::text::bigint <= %(xid)s"
FORGET_NUMBERS = "UPDATE {table} SET xid = 0 WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


def read(
    reader: str, handle: Callable[[list[sql.Row]], None], *, batch: int = BATCH, stream: Stream = OF_EXECUTIONS
) -> int:
    """Hand everything new to `handle`, batch by batch, each in one transaction with the cursor: what it writes is
    written once. A new reader begins with the oldest event; see `skip_to_now`. Returns how many events."""
    total = 0
    while True:
        found = _read_batch(reader, handle, batch, stream)
        total += found
        if found < batch:
            return total


def has_news(reader: str, *, stream: Stream = OF_EXECUTIONS) -> bool:
    """Whether `read` would find anything. It takes no lock, so that a look that finds nothing writes nothing."""
    place = sql.row(PLACE, {"reader": reader})
    if place is None or place["is_ahead"]:
        return True
    statement = NEXT.format(table=stream.table, columns="id", condition=stream.condition)
    return bool(sql.rows(statement, {"xid": place["xid"], "id": place["event_id"], "limit": 1}, prepare=False))


def skip_to_now(reader: str, *, condition: str = "true", stream: Stream = OF_EXECUTIONS) -> bool:
    """Pass over all that has happened, if the SQL `condition` holds in the very snapshot that says what has happened;
    for a reader with nothing to do or nothing to catch up. Returns whether it did."""
    with transaction.atomic():
        cursor = _cursor(reader)
        place = sql.row(HORIZON.format(table=stream.table, condition=condition))
        if place is None:
            return False
        if (cursor.xid, cursor.event_id) != (place["xid"], place["event_id"]):
            cursor.xid, cursor.event_id = place["xid"], place["event_id"]
            cursor.save()
        return True


def begin_now(reader: str, *, stream: Stream = OF_EXECUTIONS) -> None:
    """Let a reader that has never read begin with what happens from here on."""
    if not EventCursor.objects.filter(name=reader).exists():
        skip_to_now(reader, stream=stream)


def _read_batch(reader: str, handle: Callable[[list[sql.Row]], None], batch: int, stream: Stream) -> int:
    with transaction.atomic():
        cursor = _cursor(reader)
        if sql.rows(IS_AHEAD, {"xid": cursor.xid}):
            cursor.xid = 0
            if not stream.is_append_only:
                sql.rows(FORGET_NUMBERS.format(table=stream.table))
        # Planned each time: a plan from when the table was empty would read all that is in it by now.
        statement = NEXT.format(table=stream.table, columns=stream.columns, condition=stream.condition)
        events = sql.rows(statement, {"xid": cursor.xid, "id": cursor.event_id, "limit": batch}, prepare=False)
        if not events:
            return 0
        handle(events)
        cursor.xid, cursor.event_id = events[-1]["xid"], events[-1]["id"]
        cursor.save()
        return len(events)


def _cursor(reader: str) -> EventCursor:
    EventCursor.objects.get_or_create(name=reader)
    # The lock on the cursor lets one process at a time through, whoever believes to lead. One that is suspended must
    # not keep it, nor what readers lock beside it: a job whose row is locked has no tick.
    transactions.never_standing_still()
    return EventCursor.objects.select_for_update().get(name=reader)
