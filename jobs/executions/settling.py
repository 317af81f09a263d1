"""Ending an attempt, once, by its fence: at rest, with a dead letter when it did not succeed, or queued again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jobs.executions.burying import burying
from jobs.rules import retry
from jobs.rules.fingerprint import fingerprint, innermost_place
from jobs.rules.policy import JobPolicy
from jobs.rules.states import BURIED, AttemptOutcome, ExecutionStatus
from scheduler_project.lib import sql

MAX_ERROR = 10_000
MAX_TRACEBACK = 100_000

UNREMARKABLE = (AttemptOutcome.SUCCEEDED, AttemptOutcome.CANCELLED, AttemptOutcome.HANDED_BACK)

SETTLE = """
WITH clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now, set_config('synchronous_commit', 'on', true) AS durable
), run AS MATERIALIZED (
    -- Locked, or a wish to cancel that commits meanwhile would be queued with the run, and never let it be claimed. And
    -- locked before the lease is deleted: a claim waits for whoever gives a slot back, and may be waited for itself by
    -- whoever has this row and goes on to others.
    SELECT id, cancel_requested_at FROM job_executions WHERE id = %(id)s FOR NO KEY UPDATE
), gone AS (
    DELETE FROM execution_leases l USING run WHERE l.execution_id = run.id AND l.fence = %(fence)s
    RETURNING l.job_slot, l.pool_id, run.cancel_requested_at IS NOT NULL AS is_unwanted
), ended AS (
    UPDATE job_executions e
    SET status = v.status,
        reason = CASE WHEN v.cancelled THEN 'cancelled' ELSE %(reason)s END,
        result = %(result)s::jsonb, error = %(error)s, error_class = %(error_class)s,
        fingerprint = %(fingerprint)s,
        finished_at = CASE WHEN v.status = 'queued' THEN NULL ELSE v.now END,
        available_at = CASE WHEN v.status = 'queued' THEN v.now + %(wait)s ELSE e.available_at END,
        published_at = CASE WHEN v.status = 'queued' THEN NULL ELSE e.published_at END,
        lost_count = e.lost_count + (%(outcome)s = 'lost')::integer,
        handed_back_count = e.handed_back_count + (%(outcome)s = 'handed_back')::integer,
        event_sequence = e.event_sequence + 1
    FROM (
        SELECT clock.now, gone.job_slot, gone.pool_id AS held_pool,
               %(status)s = 'queued' AND gone.is_unwanted AS cancelled,
               CASE WHEN %(status)s = 'queued' AND gone.is_unwanted THEN 'cancelled' ELSE %(status)s END AS status
        FROM clock, gone
    ) AS v
    WHERE e.id = %(id)s AND e.fence = %(fence)s
    RETURNING e.id, e.tenant_id, e.job_id, e.template_id, e.attempt, e.status, e.reason, e.dry_run, e.error,
        e.error_class, e.fingerprint, e.event_sequence, e.available_at, e.finished_at, v.now, v.job_slot, v.held_pool
), closed AS (
    UPDATE task_executions a
    SET finished_at = ended.now, outcome = %(outcome)s, error = %(error)s, error_class = %(error_class)s,
        traceback = %(traceback)s, retry_at = CASE WHEN ended.status = 'queued' THEN ended.available_at END
    FROM ended
    WHERE a.execution_id = %(id)s AND a.attempt = ended.attempt
    RETURNING ended.now - a.started_at AS ran
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
    SELECT id, event_sequence, CASE WHEN status = 'queued' THEN 'retrying' ELSE status END, now, tenant_id, job_id,
           jsonb_build_object('attempt', attempt, 'outcome', %(outcome)s::text,
                              'seconds', (SELECT extract(epoch FROM ran) FROM closed))
    FROM ended
)
SELECT status, job_id, job_slot, held_pool, (SELECT extract(epoch FROM ran) FROM closed) AS seconds FROM ended
"""

STALE = """
UPDATE task_executions
SET is_stale = true, stale_result = %(result)s::jsonb, error = CASE WHEN error = '' THEN %(error)s ELSE error END
WHERE execution_id = %(id)s AND fence = %(fence)s
"""


@dataclass(frozen=True)
class Ending:
    """How an attempt ended, as its process or the reaper saw it."""

    outcome: AttemptOutcome
    result: Any = None
    error: str = ""
    error_class: str = ""
    traceback: str = ""
    may_retry: bool = True
    reason: str = ""  # instead of the one that the retry rules give for what is at rest or handed back
    wait: timedelta = timedelta()  # before what is handed back may start again


@dataclass(frozen=True)
class Settled:
    """What became of the execution. `freed_slot_of` and `freed_pool` say whose next run may start now."""

    status: ExecutionStatus
    seconds: float
    freed_slot_of: int | None
    freed_pool: int | None = None


def settle(
    ending: Ending, *, execution_id: int, fence: int, policy: JobPolicy, tries: int, losses: int
) -> Settled | None:
    """End the attempt that holds `fence`; None when it was overtaken, and then its result only stays on the attempt."""
    decision = retry.decide(
        ending.outcome,
        policy=policy,
        tries=tries,
        losses=losses + (ending.outcome is AttemptOutcome.LOST),
        may_retry=ending.may_retry,
        spread=random.random(),  # noqa: S311
    )
    error, error_class = sql.text(ending.error[:MAX_ERROR]), sql.text(ending.error_class[:200])
    traceback = sql.text(ending.traceback[-MAX_TRACEBACK:])
    place = innermost_place(traceback)[:200]
    values = {
        "id": execution_id,
        "fence": fence,
        "outcome": ending.outcome.value,
        "status": decision.status.value,
        "reason": decision.reason if decision.is_retry else ending.reason or decision.reason,
        "wait": ending.wait if ending.outcome is AttemptOutcome.HANDED_BACK else decision.wait or timedelta(),
        "result": None if ending.result is None else sql.json(ending.result),
        "error": error,
        "error_class": error_class,
        "traceback": traceback,
        "fingerprint": _fingerprint(ending, error, error_class, place),
        "place": place,
    }
    row = sql.row(burying(SETTLE) if decision.status in BURIED else SETTLE, values)
    if row is None:
        sql.rows(STALE, values)
        return None
    return Settled(
        status=ExecutionStatus(row["status"]),
        seconds=float(row["seconds"] or 0),
        freed_slot_of=row["job_id"] if row["job_slot"] is not None else None,
        freed_pool=row["held_pool"],
    )


def _fingerprint(ending: Ending, error: str, error_class: str, place: str) -> str:
    if ending.outcome in UNREMARKABLE:
        return ""
    return fingerprint(ending.outcome, error_class=error_class, message=error, place=place)
