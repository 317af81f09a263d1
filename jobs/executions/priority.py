"""Changing how urgent queued executions are. A claim goes by the row, so that it counts for announced ones as well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from jobs import trail
from jobs.models import Execution
from jobs.rules.states import PRIORITY_NAMES, ExecutionStatus
from scheduler_project.lib import sql

BATCH = 1_000

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
    with transaction.atomic():
        changed = [row["id"] for row in sql.rows(CHANGE, values)]
        if changed:
            wish = {"priority": PRIORITY_NAMES[priority]}
            trail.tell_of_executions("execution.priority_changed", changed, actor=by, after=wish)
    return changed


def change_priority_of(rows: QuerySet[Execution], *, priority: int, by: str, now: datetime) -> list[int]:
    """The same for those of these rows that are queued, however many, some at a time; those changed stay changed
    when a later batch fails."""
    queued = rows.filter(status=ExecutionStatus.QUEUED).exclude(priority=priority).order_by("id")
    changed: list[int] = []
    last = 0
    while batch := list(queued.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        changed += change_priority(batch, priority=priority, by=by, now=now)
        last = batch[-1]
    return changed
