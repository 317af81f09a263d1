"""Changing how urgent queued executions are. A claim goes by the row, so that it counts for announced ones as well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from scheduler_project.lib import sql

CHANGE = """
WITH queued AS MATERIALIZED (
    SELECT id, priority FROM job_executions
    WHERE id = ANY(%(ids)s::bigint[]) AND status = 'queued' AND priority <> %(priority)s
    ORDER BY id FOR NO KEY UPDATE
), changed AS (
    UPDATE job_executions e SET priority = %(priority)s, event_sequence = e.event_sequence + 1
    FROM queued q WHERE e.id = q.id
    RETURNING e.id, e.tenant_id, e.job_id, e.event_sequence, q.priority AS before
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
    SELECT id, event_sequence, 'priority_changed', %(now)s, tenant_id, job_id,
           jsonb_build_object('by', %(by)s::text, 'from', before, 'to', %(priority)s::smallint)
    FROM changed
)
SELECT id FROM changed ORDER BY id
"""


def change_priority(execution_ids: Sequence[int], *, priority: int, by: str, now: datetime) -> list[int]:
    """Those of these that are queued at another level get this one; returns their ids. Retries keep it."""
    values = {"ids": list(execution_ids), "priority": priority, "by": by, "now": now}
    return [row["id"] for row in sql.rows(CHANGE, values)]
