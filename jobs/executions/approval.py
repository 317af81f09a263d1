"""Letting runs start that wait for somebody's approval or for other jobs, and refusing them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from jobs import trail
from jobs.rules.states import HeldFor
from scheduler_project.lib import sql


class NotWaitingForApproval(Exception):
    """The execution needs no approval, has it already, or its time to start is over."""


APPROVE = """
WITH approved AS (
    UPDATE job_executions e
    SET held_for = '', approved_at = %(now)s, approved_by = %(by)s, available_at = greatest(e.available_at, %(now)s),
        event_sequence = e.event_sequence + 1
    WHERE e.id = %(id)s AND e.status = 'queued' AND e.held_for = 'approval'
      AND (e.start_deadline_at IS NULL OR e.start_deadline_at > %(now)s)
    RETURNING id, tenant_id, job_id, event_sequence
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
    SELECT id, event_sequence, 'approved', %(now)s, tenant_id, job_id, jsonb_build_object('by', %(by)s::text)
    FROM approved
)
SELECT id FROM approved
"""

# Two events: readers of the end of executions look for `cancelled`.
REFUSE = """
WITH refused AS (
    UPDATE job_executions e
    SET status = 'cancelled', reason = 'refused', held_for = '', error = %(note)s, finished_at = %(now)s,
        cancel_requested_at = %(now)s, cancel_requested_by = %(by)s, event_sequence = e.event_sequence + 2
    WHERE e.id = %(id)s AND e.status = 'queued' AND e.held_for = 'approval'
    RETURNING id, tenant_id, job_id, event_sequence
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
    SELECT id, event_sequence - 1 + n, kind, %(now)s, tenant_id, job_id,
           jsonb_build_object('by', %(by)s::text, 'reason', 'refused', 'note', %(note)s::text)
    FROM refused CROSS JOIN (VALUES (0, 'refused'), (1, 'cancelled')) AS kinds (n, kind)
)
SELECT id FROM refused
"""

RELEASE = """
WITH released AS (
    UPDATE job_executions e
    SET held_for = CASE WHEN t.requires_approval OR coalesce((e.policy ->> 'requires_approval')::boolean, false)
                        THEN 'approval' ELSE '' END,
        available_at = greatest(e.available_at, %(now)s), event_sequence = e.event_sequence + 1
    FROM job_templates t
    WHERE e.id = ANY(%(ids)s::bigint[]) AND e.status = 'queued' AND e.held_for = 'upstream' AND t.id = e.template_id
    RETURNING e.id, e.tenant_id, e.job_id, e.event_sequence, e.held_for
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
    SELECT id, event_sequence, 'released', %(now)s, tenant_id, job_id, jsonb_build_object('held_for', held_for)
    FROM released
)
SELECT id, held_for FROM released ORDER BY id
"""


def approve(execution_id: int, *, by: str, now: datetime) -> None:
    """Let it start. Announcing it is the caller's, after commit. Raises `NotWaitingForApproval`."""
    with transaction.atomic():
        if sql.row(APPROVE, {"id": execution_id, "by": by, "now": now}) is None:
            raise _not_waiting(execution_id)
        trail.tell_of_executions("execution.approved", [execution_id], actor=by)


def refuse(execution_id: int, *, by: str, now: datetime, note: str = "") -> None:
    """End it without a run; the note says why. Raises `NotWaitingForApproval`."""
    with transaction.atomic():
        if sql.row(REFUSE, {"id": execution_id, "by": by, "now": now, "note": note}) is None:
            raise _not_waiting(execution_id)
        trail.tell_of_executions("execution.refused", [execution_id], actor=by, note=note)


def release_upstream(execution_ids: Sequence[int], *, now: datetime) -> list[int]:
    """What they waited for in other jobs is there. Those that need approval wait on for that; the others may start,
    and their ids are returned to be announced after commit."""
    released = sql.rows(RELEASE, {"ids": list(execution_ids), "now": now})
    return [row["id"] for row in released if row["held_for"] != HeldFor.APPROVAL]


def _not_waiting(execution_id: int) -> NotWaitingForApproval:
    return NotWaitingForApproval(
        f"Execution {execution_id} does not wait for approval: it needs none, has it already, or is over."
    )
