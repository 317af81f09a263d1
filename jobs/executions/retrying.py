"""What people do about a run that waits for its next try: not to wait any longer, or to give it up."""

from __future__ import annotations

from django.db import transaction

from jobs import trail
from jobs.executions.burying import burying
from jobs.models import Attempt
from jobs.rules.fingerprint import innermost_place
from scheduler_project.lib import sql


class NotWaitingForRetry(Exception):
    """The execution does not wait for another try, so there is nothing to bring forward or to give up."""


WAITS = "e.id = %(id)s AND e.status = 'queued' AND e.attempt > 0 AND e.cancel_requested_at IS NULL"

RETRY_NOW = f"""
WITH hurried AS (
    UPDATE job_executions e
    SET available_at = least(e.available_at, clock_timestamp()), event_sequence = e.event_sequence + 1
    WHERE {WAITS}
    RETURNING id, tenant_id, job_id, event_sequence, attempt
)
INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
SELECT id, event_sequence, 'retry_now', clock_timestamp(), tenant_id, job_id,
       jsonb_build_object('attempt', attempt, 'by', %(by)s::text)
FROM hurried
RETURNING execution_id
"""  # noqa: S608

GIVE_UP = f"""
WITH ended AS (
    UPDATE job_executions e
    SET status = 'dead', reason = 'gave_up', held_for = '', finished_at = clock_timestamp(),
        event_sequence = e.event_sequence + 1
    WHERE {WAITS}
    RETURNING *
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
    SELECT id, event_sequence, 'dead', finished_at, tenant_id, job_id,
           jsonb_build_object('attempt', attempt, 'by', %(by)s::text, 'reason', 'gave_up')
    FROM ended
)
SELECT id FROM ended
"""  # noqa: S608


def retry_now(execution_id: int, *, by: str) -> None:
    """Let a run that waits for its next try start at once; announcing it is the caller's, after commit.

    Raises `NotWaitingForRetry`.
    """
    with transaction.atomic():
        if sql.row(RETRY_NOW, {"id": execution_id, "by": by}) is None:
            raise _refusal(execution_id)
        trail.tell_of_executions("execution.retried", [execution_id], actor=by)


def give_up(execution_id: int, *, by: str) -> None:
    """End a run that waits for its next try: dead, with a letter. Raises `NotWaitingForRetry`."""
    last = Attempt.objects.filter(execution_id=execution_id).order_by("-number").values_list("traceback", flat=True)
    place = innermost_place(last.first() or "")[:200]
    with transaction.atomic():
        if sql.row(burying(GIVE_UP), {"id": execution_id, "by": by, "place": place}) is None:
            raise _refusal(execution_id)
        trail.tell_of_executions("execution.given_up", [execution_id], actor=by)


def _refusal(execution_id: int) -> NotWaitingForRetry:
    return NotWaitingForRetry(
        f"Execution {execution_id} does not wait for another try. Only one that has failed and is queued again does."
    )
