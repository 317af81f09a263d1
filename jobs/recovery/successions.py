"""Releases successors that nobody released when the run had ended: after a crash, a cancel, a passed deadline. Reads
the events, and looks again at what waits."""

from __future__ import annotations

from jobs import dependencies
from jobs.models import EventCursor, Succession
from jobs.rules.states import SuccessionOutcome
from jobs.tick import publisher
from scheduler_project.lib import sql

READER = "successions"
BATCH = 2_000
MOST_HELD = 500
MOST_WAITING = 200

# Transactions that were open when this one began may still commit events with a smaller xid, so those wait. Without
# any dependency there is nothing to read: on to that horizon.
NEXT = """
WITH horizon AS MATERIALIZED (
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xid,
           EXISTS (SELECT FROM job_dependencies WHERE removed_at IS NULL) AS is_needed
), read AS MATERIALIZED (
    SELECT v.id, v.xid, v.kind, v.execution_id, v.job_id
    FROM horizon CROSS JOIN LATERAL (
        SELECT * FROM execution_events
        WHERE horizon.is_needed AND (xid, id) > (%(xid)s, %(id)s) AND xid < horizon.xid
        ORDER BY xid, id LIMIT %(limit)s
    ) AS v
)
SELECT (SELECT count(*) FROM read) AS count,
       CASE WHEN is_needed THEN (SELECT xid FROM read ORDER BY xid DESC, id DESC LIMIT 1) ELSE xid - 1 END AS xid,
       CASE WHEN is_needed THEN (SELECT id FROM read ORDER BY xid DESC, id DESC LIMIT 1)
            ELSE 9223372036854775807 END AS id,
       ARRAY(
           SELECT r.execution_id FROM read r
           JOIN job_executions e ON e.id = r.execution_id
           JOIN job_dependencies d ON d.upstream_id = r.job_id AND d.kind = 'trigger' AND d.removed_at IS NULL
               AND d.created_at <= e.finished_at
           WHERE r.kind IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'dead')
             AND NOT EXISTS (SELECT FROM job_successions s
                             WHERE s.dependency_id = d.id AND s.upstream_execution_id = r.execution_id)
           GROUP BY r.execution_id ORDER BY min(r.xid), r.execution_id
       ) AS unanswered
FROM horizon
"""

# A database that was restored into a new cluster begins its transaction numbers anew; the projections renumber events.
IS_AHEAD = "SELECT 1 FROM pg_current_snapshot() AS s WHERE pg_snapshot_xmax(s)::text::bigint < %(xid)s"


class Successions:
    """The leader's sweep. All that it does can be repeated, so it holds nothing while it works."""

    def __init__(self) -> None:
        self._held_after = 0
        self._waiting_after = 0

    def sweep(self) -> int:
        """Returns how many executions were started or let go."""
        started = self._read_events() + self._open_gates() + self._settle_waiting()
        publisher.publish(started)
        return len(started)

    def _read_events(self) -> list[int]:
        cursor, _ = EventCursor.objects.get_or_create(name=READER)
        if sql.rows(IS_AHEAD, {"xid": cursor.xid}):
            cursor.xid, cursor.event_id = 0, 0
        started: list[int] = []
        while True:
            read = sql.rows(NEXT, {"xid": cursor.xid, "id": cursor.event_id, "limit": BATCH}, prepare=False)[0]
            for execution_id in read["unanswered"]:
                started += dependencies.release(execution_id)
            if read["xid"] is not None and (read["xid"], read["id"]) != (cursor.xid, cursor.event_id):
                cursor.xid, cursor.event_id = read["xid"], read["id"]
                # A second sweep, of whoever believes to lead, may move it back; what is answered stays so.
                cursor.save(update_fields=["xid", "event_id"])
            if read["count"] < BATCH:
                return started

    def _open_gates(self) -> list[int]:
        held, after = dependencies.find_decided(after=self._held_after, limit=MOST_HELD, now=sql.now())
        self._held_after = after or 0
        started: list[int] = []
        for held_id in held:
            freed, is_over = dependencies.settle_gate(held_id)
            started += freed
            if is_over:
                started += dependencies.release(held_id)
        return started

    def _settle_waiting(self) -> list[int]:
        waiting = Succession.objects.filter(outcome=SuccessionOutcome.WAITING, pk__gt=self._waiting_after)
        rows = list(waiting.order_by("pk").values_list("pk", "flow_id")[:MOST_WAITING])
        self._waiting_after = rows[-1][0] if len(rows) == MOST_WAITING else 0
        started: list[int] = []
        for flow_id in sorted({flow_id for _, flow_id in rows if flow_id is not None}):
            started += dependencies.settle_flow(flow_id)
        if any(flow_id is None for _, flow_id in rows):
            dependencies.close_waiting()
        return started
