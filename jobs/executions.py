"""The only writer of an execution's status: create, claim, renew, settle, cancel. Hand-written SQL for speed."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError

from jobs.models import Job
from jobs.rules import retry
from jobs.rules.policy import JobPolicy
from jobs.rules.states import AttemptOutcome, ExecutionStatus, Trigger
from scheduler_project.lib import sql

MAX_ERROR = 10_000
MAX_TRACEBACK = 100_000
MAX_SLOT_RACES = 10


class AlreadyFinished(Exception):
    """The execution is at rest; nothing can be cancelled any more."""


class JobIsArchived(Exception):
    """An archived job is history: it does not change and does not run."""


@dataclass(frozen=True)
class Claim:
    """One attempt at an execution, owned by this process until its lease runs out."""

    execution_id: int
    fence: int
    attempt: int
    tries: int
    losses: int
    tenant: str
    job_id: int | None
    job_name: str
    template: str
    template_version: int
    parameters: dict[str, Any]
    policy: JobPolicy
    dry_run: bool
    is_adopted: bool
    run_key: uuid.UUID
    trigger: str
    request_id: str
    queue: str
    scheduled_for: datetime | None
    lease: timedelta
    waited: timedelta


# --- create -----------------------------------------------------------------------------------------------------------

CREATE = """
WITH made AS (
    INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, scheduled_for, revision, parameters, policy,
        dry_run, requested_by, request_id, queue, priority, max_instances, max_attempts, event_sequence)
    SELECT j.tenant_id, j.id, j.template_id, %(trigger)s, %(scheduled_for)s::timestamptz, j.revision,
           coalesce(%(parameters)s::jsonb, j.parameters), j.policy, %(dry_run)s, %(requested_by)s, %(request_id)s,
           j.queue, j.priority, %(slots)s::integer, %(attempts)s, 1
    -- The lock waits for whoever is archiving the job, and then finds it archived.
    FROM dynamic_jobs j WHERE j.id = %(job)s AND j.archived_at IS NULL FOR SHARE
    RETURNING id, tenant_id, job_id, created_at
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id)
    SELECT id, 1, 'queued', created_at, tenant_id, job_id FROM made
)
SELECT id FROM made
"""


def create(
    *,
    job: Job,
    trigger: Trigger,
    requested_by: str,
    request_id: str = "",
    parameters: Mapping[str, Any] | None = None,
    scheduled_for: datetime | None = None,
    dry_run: bool = False,
) -> int:
    """Queue one run of a job outside its schedule and return its id. Announcing it is the caller's, after commit.

    `scheduled_for` is the instant that it runs again for. Raises `JobIsArchived`.
    """
    policy = job.policies
    made = sql.row(
        CREATE,
        {
            "job": job.pk,
            "trigger": trigger.value,
            "scheduled_for": scheduled_for,
            "parameters": None if parameters is None else sql.json(dict(parameters)),
            "dry_run": dry_run,
            "requested_by": requested_by,
            "request_id": request_id,
            # A dry run has no effects, so it waits for no slot.
            "slots": None if dry_run else policy.slots,
            "attempts": 1 if dry_run else policy.max_attempts,
        },
    )
    if made is None:
        raise JobIsArchived(f"{job.name} is archived; it cannot run any more.")
    execution_id: int = made["id"]
    return execution_id


# --- claim ------------------------------------------------------------------------------------------------------------

# One statement, so that a claim is whole or has not happened. Overlap is held by the unique slot of the lease: two
# claims that pick the same free slot meet in the constraint, and one of them is refused.
CLAIM = """
WITH clock AS MATERIALIZED (
    -- Whatever the server or the role is set to: after a crash an asynchronous claim could hand out its fence again.
    SELECT clock_timestamp() AS now, set_config('synchronous_commit', 'on', true) AS durable
), claimed AS (
    UPDATE job_executions e
    SET status = 'running', reason = '', fence = e.fence + 1, attempt = e.attempt + 1,
        started_at = coalesce(e.started_at, clock.now), event_sequence = e.event_sequence + 1
    FROM clock
    WHERE e.id = %(id)s AND e.status = 'queued' AND e.available_at <= clock.now AND e.cancel_requested_at IS NULL
      AND (e.start_deadline_at IS NULL OR e.start_deadline_at > clock.now)
      AND (e.max_instances IS NULL OR EXISTS (
          SELECT FROM generate_series(1, e.max_instances) AS slot
          WHERE NOT EXISTS (SELECT FROM execution_leases l WHERE l.job_id = e.job_id AND l.job_slot = slot)))
    RETURNING e.*, clock.now,
        (SELECT min(slot) FROM generate_series(1, e.max_instances) AS slot
         WHERE NOT EXISTS (SELECT FROM execution_leases l WHERE l.job_id = e.job_id AND l.job_slot = slot)) AS slot,
        least(coalesce((e.policy ->> 'run_lease_seconds')::float, %(lease)s), 900) AS lease
), leased AS (
    INSERT INTO execution_leases (execution_id, job_id, worker, pid, fence, heartbeat, acquired_at, expires_at,
                                  job_slot, claim)
    SELECT id, job_id, %(worker)s, %(pid)s, fence, 0, now, now + make_interval(secs => lease), slot, %(claim)s
    FROM claimed
), tried AS (
    INSERT INTO task_executions (execution_id, attempt, fence, worker, pid, started_at)
    SELECT id, attempt, fence, %(worker)s, %(pid)s, now FROM claimed
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
    SELECT id, event_sequence, 'started', now, tenant_id, job_id, jsonb_build_object('attempt', attempt) FROM claimed
)
SELECT c.id, c.fence, c.attempt, c.attempt - c.handed_back_count AS tries, c.lost_count, c.parameters, c.policy,
       c.dry_run, c.run_key, c.trigger, c.request_id, c.queue, c.scheduled_for, c.job_id, c.lease,
       c.now - c.available_at AS waited,
       t.name AS template, t.version AS template_version, n.slug AS tenant, coalesce(j.name, '') AS job_name,
       coalesce(j.origin = 'adopted', false) AS is_adopted
FROM claimed c
JOIN job_templates t ON t.id = c.template_id
JOIN tenants n ON n.id = c.tenant_id
LEFT JOIN dynamic_jobs j ON j.id = c.job_id
"""


def claim(execution_id: int, *, worker: str, lease: timedelta) -> Claim | None:
    """Make this process the owner of a queued execution; None when it is not to be had (another owner, no slot, …)."""
    values = {
        "id": execution_id,
        "worker": worker,
        "pid": os.getpid(),
        "lease": lease.total_seconds(),
        "claim": uuid.uuid4(),
    }
    row = None
    for _ in range(MAX_SLOT_RACES):
        try:
            row = sql.row(CLAIM, values)
            break
        except IntegrityError:  # another claim took the same slot in the same instant; the job may have more of them
            continue
    if row is None:
        return None
    return Claim(
        execution_id=row["id"],
        fence=row["fence"],
        attempt=row["attempt"],
        tries=row["tries"],
        losses=row["lost_count"],
        tenant=row["tenant"],
        job_id=row["job_id"],
        job_name=row["job_name"],
        template=row["template"],
        template_version=row["template_version"],
        parameters=sql.loads(row["parameters"]),
        policy=JobPolicy.from_json(sql.loads(row["policy"])),
        dry_run=row["dry_run"],
        is_adopted=row["is_adopted"],
        run_key=row["run_key"],
        trigger=row["trigger"],
        request_id=row["request_id"],
        queue=row["queue"],
        scheduled_for=row["scheduled_for"],
        lease=timedelta(seconds=row["lease"]),
        waited=row["waited"],
    )


# --- renew ------------------------------------------------------------------------------------------------------------

RENEW = """
WITH renewed AS (
    UPDATE execution_leases
    SET heartbeat = heartbeat + 1, expires_at = clock_timestamp() + make_interval(secs => %(lease)s),
        progress = coalesce(%(progress)s::jsonb, progress)
    WHERE execution_id = %(id)s AND fence = %(fence)s
    RETURNING execution_id
)
SELECT e.cancel_requested_at IS NOT NULL AS cancel_requested
FROM renewed JOIN job_executions e ON e.id = %(id)s
"""


def renew(claim: Claim, *, progress: Mapping[str, Any] | None = None) -> bool | None:
    """Prolong the lease. True when someone asked to cancel, False when not, None when the lease is another's now."""
    row = sql.row(
        RENEW,
        {
            "id": claim.execution_id,
            "fence": claim.fence,
            "lease": claim.lease.total_seconds(),
            "progress": None if progress is None else sql.json(dict(progress)),
        },
    )
    return None if row is None else bool(row["cancel_requested"])


# --- settle -----------------------------------------------------------------------------------------------------------

SETTLE = """
WITH clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now, set_config('synchronous_commit', 'on', true) AS durable
), gone AS (
    DELETE FROM execution_leases WHERE execution_id = %(id)s AND fence = %(fence)s
    RETURNING job_slot
), ended AS (
    UPDATE job_executions e
    SET status = v.status,
        reason = CASE WHEN v.cancelled THEN 'cancelled' ELSE %(reason)s END,
        result = %(result)s::jsonb, error = %(error)s, error_class = %(error_class)s,
        finished_at = CASE WHEN v.status = 'queued' THEN NULL ELSE v.now END,
        available_at = CASE WHEN v.status = 'queued' THEN v.now + %(wait)s ELSE e.available_at END,
        published_at = CASE WHEN v.status = 'queued' THEN NULL ELSE e.published_at END,
        publish_count = CASE WHEN v.status = 'queued' THEN 0 ELSE e.publish_count END,
        lost_count = e.lost_count + (%(outcome)s = 'lost')::integer,
        handed_back_count = e.handed_back_count + (%(outcome)s = 'handed_back')::integer,
        event_sequence = e.event_sequence + 1
    FROM (
        SELECT clock.now, gone.job_slot,
               %(status)s = 'queued' AND x.cancel_requested_at IS NOT NULL AS cancelled,
               CASE WHEN %(status)s = 'queued' AND x.cancel_requested_at IS NOT NULL THEN 'cancelled'
                    ELSE %(status)s END AS status
        -- Locked, or a wish to cancel that commits meanwhile would be queued with the run, and never let it be claimed.
        FROM clock, gone, job_executions x WHERE x.id = %(id)s FOR NO KEY UPDATE OF x
    ) AS v
    WHERE e.id = %(id)s AND e.fence = %(fence)s
    RETURNING e.id, e.tenant_id, e.job_id, e.attempt, e.status, e.event_sequence, e.available_at, v.now, v.job_slot
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
SELECT status, job_id, job_slot, (SELECT extract(epoch FROM ran) FROM closed) AS seconds FROM ended
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


@dataclass(frozen=True)
class Settled:
    """What became of the execution. `freed_slot_of` names the job whose next run may start now."""

    status: ExecutionStatus
    seconds: float
    freed_slot_of: int | None


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
    values = {
        "id": execution_id,
        "fence": fence,
        "outcome": ending.outcome.value,
        "status": decision.status.value,
        "reason": decision.reason,
        "wait": decision.wait or timedelta(),
        "result": None if ending.result is None else sql.json(ending.result),
        "error": sql.text(ending.error[:MAX_ERROR]),
        "error_class": sql.text(ending.error_class[:200]),
        "traceback": sql.text(ending.traceback[-MAX_TRACEBACK:]),
    }
    row = sql.row(SETTLE, values)
    if row is None:
        sql.rows(STALE, values)
        return None
    return Settled(
        status=ExecutionStatus(row["status"]),
        seconds=float(row["seconds"] or 0),
        freed_slot_of=row["job_id"] if row["job_slot"] is not None else None,
    )


# --- cancel -----------------------------------------------------------------------------------------------------------

# The queued ones end at once; the running ones learn of the request with their next heartbeat.
CANCEL = """
WITH asked AS (
    UPDATE job_executions e
    SET cancel_requested_at = coalesce(e.cancel_requested_at, %(now)s),
        cancel_requested_by = CASE WHEN e.cancel_requested_at IS NULL THEN %(by)s ELSE e.cancel_requested_by END,
        status = CASE WHEN e.status = 'queued' THEN 'cancelled' ELSE e.status END,
        reason = CASE WHEN e.status = 'queued' THEN %(reason)s ELSE e.reason END,
        finished_at = CASE WHEN e.status = 'queued' THEN %(now)s END,
        event_sequence = e.event_sequence + 1
    WHERE e.status IN ('queued', 'running') AND {which}
    RETURNING id, tenant_id, job_id, status, event_sequence
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
    which="e.job_id = %(job)s AND e.id < %(id)s AND NOT e.dry_run AND e.trigger <> 'backfill'"
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
    row = sql.row(CANCEL_ONE, {"id": execution_id, "now": now, "by": by, "reason": reason})
    if row is None:
        raise AlreadyFinished(f"Execution {execution_id} has already finished.")
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
