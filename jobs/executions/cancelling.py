"""Asking for the end of executions, and ending those that wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from jobs import trail
from jobs.rules.states import ExecutionStatus
from scheduler_project.lib import sql


class AlreadyFinished(Exception):
    """The execution is at rest; nothing can be cancelled any more."""


# Locked in the order of their ids, so that two who lock several never wait for each other. The queued ones end at once;
# the running ones learn of the request with their next heartbeat.
CANCEL = """
WITH meant AS MATERIALIZED (
    SELECT e.id FROM job_executions e WHERE e.status IN ('queued', 'running') AND {which}
    ORDER BY e.id FOR NO KEY UPDATE
), asked AS (
    UPDATE job_executions e
    SET cancel_requested_at = coalesce(e.cancel_requested_at, %(now)s),
        cancel_requested_by = CASE WHEN e.cancel_requested_at IS NULL THEN %(by)s ELSE e.cancel_requested_by END,
        status = CASE WHEN e.status = 'queued' THEN 'cancelled' ELSE e.status END,
        reason = CASE WHEN e.status = 'queued' THEN %(reason)s ELSE e.reason END,
        finished_at = CASE WHEN e.status = 'queued' THEN %(now)s END,
        event_sequence = e.event_sequence + 1
    FROM meant WHERE e.id = meant.id  -- which is locked, and was judged when it was
    RETURNING e.id, e.tenant_id, e.job_id, e.status, e.event_sequence
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
    SELECT id, event_sequence, CASE WHEN status = 'cancelled' THEN 'cancelled' ELSE 'cancel_requested' END, %(now)s,
           tenant_id, job_id, jsonb_build_object('by', %(by)s::text, 'reason', %(reason)s::text)
    FROM asked
)
SELECT id, status FROM asked
"""
CANCEL_ONE = CANCEL.format(which="e.id = %(id)s")
CANCEL_REPLACED = CANCEL.format(
    which="e.job_id = %(job)s AND e.id < %(id)s AND NOT e.dry_run AND e.trigger NOT IN ('backfill', 'replay')"
)
CANCEL_WAITING = CANCEL.format(which="e.job_id = %(job)s AND e.status = 'queued'")
CANCEL_UNSTARTED = CANCEL.format(which="e.id = ANY (%(ids)s::bigint[]) AND e.status = 'queued'")
CANCEL_OVERDUE = CANCEL.format(
    which="""e.id = ANY (ARRAY(
        SELECT id FROM job_executions WHERE status = 'queued' AND start_deadline_at <= %(now)s ORDER BY id LIMIT 500
        FOR UPDATE SKIP LOCKED)) AND e.status = 'queued'"""
)


def cancel(execution_id: int, *, by: str, now: datetime, reason: str = "cancelled") -> ExecutionStatus:
    """Ask for the end of an execution; a queued one ends at once. Raises `AlreadyFinished`."""
    with transaction.atomic():
        row = sql.row(CANCEL_ONE, {"id": execution_id, "now": now, "by": by, "reason": reason})
        if row is None:
            raise AlreadyFinished(f"Execution {execution_id} has already finished.")
        trail.tell_of_executions("execution.cancelled", [execution_id], actor=by, after={"reason": reason})
    return ExecutionStatus(row["status"])


def replace(*, job_id: int, by: int, now: datetime) -> None:
    """Cancel the job's earlier executions in favour of execution `by`."""
    values = {"job": job_id, "id": by, "now": now, "by": "system:overlap", "reason": "replaced"}
    sql.rows(CANCEL_REPLACED, values)


def cancel_waiting(*, job_id: int, by: str, now: datetime, reason: str) -> None:
    """End what a job has queued; its running executions go on."""
    sql.rows(CANCEL_WAITING, {"job": job_id, "now": now, "by": by, "reason": reason})


def cancel_unstarted(execution_ids: Sequence[int], *, by: str, now: datetime, reason: str) -> int:
    """End those of these that are queued; the running ones go on. Returns how many."""
    values = {"ids": list(execution_ids), "now": now, "by": by, "reason": reason}
    return len(sql.rows(CANCEL_UNSTARTED, values))


def expire_overdue(*, now: datetime) -> Sequence[int]:
    """Cancel queued executions whose start deadline has passed, some hundreds at a time."""
    values = {"now": now, "by": "system:deadline", "reason": "start_deadline"}
    return [row["id"] for row in sql.rows(CANCEL_OVERDUE, values)]
