"""Making one process the owner of an execution, by one statement."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import IntegrityError

from jobs.rules.policy import JobPolicy
from scheduler_project.lib import sql

MAX_SLOT_RACES = 10


@dataclass(frozen=True)
class Claim:
    """One attempt at an execution, owned by this process until its lease runs out. The secrets among its parameters
    are sealed."""

    execution_id: int
    fence: int
    attempt: int
    tries: int
    losses: int
    tenant_id: int
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
    has_successors: bool = False


# What a claim asks of an execution `e`. Whether it was announced does not matter: messages may come late or twice.
CLAIMABLE = """e.status = 'queued' AND e.held_for IN ('', 'slot') AND e.available_at <= clock.now
      AND e.cancel_requested_at IS NULL AND (e.start_deadline_at IS NULL OR e.start_deadline_at > clock.now)
      AND (%(templates)s::bigint[] IS NULL OR e.template_id = ANY(%(templates)s))
      AND (e.max_instances IS NULL OR EXISTS (
          SELECT FROM generate_series(1, e.max_instances) AS slot
          WHERE NOT EXISTS (SELECT FROM execution_leases l WHERE l.job_id = e.job_id AND l.job_slot = slot)))
      AND (e.pool_id IS NULL OR NOT EXISTS (SELECT FROM pools p WHERE p.id = e.pool_id) OR EXISTS (
          SELECT FROM pools p CROSS JOIN LATERAL generate_series(1, p.size) AS slot
          WHERE p.id = e.pool_id
            AND NOT EXISTS (SELECT FROM execution_leases l WHERE l.pool_id = p.id AND l.pool_slot = slot)))"""

ONE = f"""
picked AS MATERIALIZED (
    SELECT e.id FROM clock CROSS JOIN job_executions e WHERE e.id = %(id)s AND {CLAIMABLE}
      AND NOT EXISTS (SELECT FROM paused_queues p WHERE p.queue = e.queue)
    FOR NO KEY UPDATE OF e
)"""  # noqa: S608

# Of what was announced in these queues: the highest level first; in it the tenant with the fewest runs in progress;
# of its runs the one that waits longest. `turns` steps from one level of a tenant to the next, an index entry each, so
# that ten thousand runs of one tenant cost no more than one. Runs in progress are counted only between tenants: in
# busy times the table of leases has many pages of dead rows.
NEXT = f"""
turns AS (
    (SELECT q.queue, e.priority, e.tenant_id
     FROM unnest(%(queues)s::text[]) AS q(queue) CROSS JOIN LATERAL (
         SELECT priority, tenant_id FROM job_executions
         WHERE status = 'queued' AND published_at IS NOT NULL AND queue = q.queue
         ORDER BY priority, tenant_id LIMIT 1) AS e
     WHERE NOT EXISTS (SELECT FROM paused_queues p WHERE p.queue = q.queue))
    UNION ALL
    SELECT t.queue, e.priority, e.tenant_id
    FROM turns t CROSS JOIN LATERAL (
        SELECT priority, tenant_id FROM job_executions
        WHERE status = 'queued' AND published_at IS NOT NULL AND queue = t.queue
          AND (priority, tenant_id) > (t.priority, t.tenant_id)
        ORDER BY priority, tenant_id LIMIT 1) AS e
), picked AS MATERIALIZED (
    SELECT found.id
    FROM clock CROSS JOIN (
        SELECT t.queue, t.priority, t.tenant_id
        FROM turns t LEFT JOIN (
            SELECT tenant_id, count(*) AS runs FROM execution_leases
            WHERE (SELECT count(DISTINCT tenant_id) > 1 FROM turns) GROUP BY tenant_id) AS busy USING (tenant_id)
        ORDER BY t.priority, coalesce(busy.runs, 0), random() OFFSET 0
    ) AS t CROSS JOIN LATERAL (
        SELECT e.id FROM job_executions e
        WHERE e.queue = t.queue AND e.priority = t.priority AND e.tenant_id = t.tenant_id
          AND e.published_at IS NOT NULL AND {CLAIMABLE}
        ORDER BY e.available_at, e.id LIMIT 1
        FOR NO KEY UPDATE OF e SKIP LOCKED
    ) AS found
    LIMIT 1
)"""  # noqa: S608

# One statement, so that a claim is whole or has not happened. Overlap and pools are held by the unique slots of the
# lease: two claims that pick the same free slot meet in the constraint, and one of them is refused.
CLAIM = """
WITH RECURSIVE clock AS MATERIALIZED (
    -- Whatever the server or the role is set to: after a crash an asynchronous claim could hand out its fence again.
    SELECT clock_timestamp() AS now, set_config('synchronous_commit', 'on', true) AS durable
), {which}, claimed AS (
    UPDATE job_executions e
    SET status = 'running', reason = '', held_for = '', fence = e.fence + 1, attempt = e.attempt + 1,
        started_at = coalesce(e.started_at, clock.now), event_sequence = e.event_sequence + 1
    FROM clock, picked
    WHERE e.id = picked.id  -- which is locked, and was judged when it was
    RETURNING e.*, clock.now, least(coalesce((e.policy ->> 'run_lease_seconds')::float, %(lease)s), 900) AS lease
), leased AS (
    INSERT INTO execution_leases (execution_id, tenant_id, job_id, worker, pid, fence, heartbeat, acquired_at,
                                  expires_at, job_slot, pool_id, pool_slot, claim)
    SELECT id, tenant_id, job_id, %(worker)s, %(pid)s, fence, 0, now, now + make_interval(secs => lease),
        (SELECT min(slot) FROM generate_series(1, c.max_instances) AS slot
         WHERE NOT EXISTS (SELECT FROM execution_leases l WHERE l.job_id = c.job_id AND l.job_slot = slot)),
        pool_id,
        (SELECT min(slot) FROM pools p CROSS JOIN LATERAL generate_series(1, p.size) AS slot
         WHERE p.id = c.pool_id AND NOT EXISTS (
             SELECT FROM execution_leases l WHERE l.pool_id = p.id AND l.pool_slot = slot)),
        %(claim)s
    FROM claimed c
), tried AS (
    INSERT INTO task_executions (execution_id, attempt, fence, worker, pid, started_at)
    SELECT id, attempt, fence, %(worker)s, %(pid)s, now FROM claimed
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
    SELECT id, event_sequence, 'started', now, tenant_id, job_id, jsonb_build_object('attempt', attempt) FROM claimed
)
SELECT c.id, c.fence, c.attempt, c.attempt - c.handed_back_count AS tries, c.lost_count, c.parameters, c.policy,
       c.dry_run, c.run_key, c.trigger, c.request_id, c.queue, c.scheduled_for, c.job_id, c.lease,
       c.now - c.available_at AS waited, c.tenant_id,
       t.name AS template, t.version AS template_version, n.slug AS tenant, coalesce(j.name, '') AS job_name,
       coalesce(j.origin = 'adopted', false) AS is_adopted, coalesce(j.has_successors, false) AS has_successors
FROM claimed c
JOIN job_templates t ON t.id = c.template_id
JOIN tenants n ON n.id = c.tenant_id
LEFT JOIN dynamic_jobs j ON j.id = c.job_id
"""
CLAIM_ONE = CLAIM.format(which=ONE)
CLAIM_NEXT = CLAIM.format(which=NEXT)


def claim(execution_id: int, *, worker: str, lease: timedelta, templates: Sequence[int] | None = None) -> Claim | None:
    """Make this process the owner of a queued execution; None when it is not to be had (another owner, no slot, …).
    `templates` are the ids of those that this process can run; None means all."""
    return _claim(CLAIM_ONE, {"id": execution_id, "templates": _ids(templates)}, worker=worker, lease=lease)


def claim_next(
    queues: Sequence[str], *, worker: str, lease: timedelta, templates: Sequence[int] | None = None
) -> Claim | None:
    """Make this process the owner of what comes next in these queues; None when nothing in them is to be had."""
    return _claim(CLAIM_NEXT, {"queues": list(queues), "templates": _ids(templates)}, worker=worker, lease=lease)


def _ids(templates: Sequence[int] | None) -> str | None:
    """As the server reads arrays: the driver would look at each of them."""
    return None if templates is None else f"{{{','.join(map(str, templates))}}}"


def _claim(statement: str, which: dict[str, Any], *, worker: str, lease: timedelta) -> Claim | None:
    values = {
        **which,
        "worker": worker,
        "pid": os.getpid(),
        "lease": lease.total_seconds(),
        "claim": uuid.uuid4(),
    }
    for _ in range(MAX_SLOT_RACES):
        try:
            row = sql.row(statement, values)
        except IntegrityError:  # another claim took the same slot in the same instant; there may be more of them
            continue
        return None if row is None else _read(row)
    return None


@lru_cache(maxsize=1_000)
def _policy(text: str) -> JobPolicy:
    """The same text comes again with each run of a job."""
    return JobPolicy.from_json(sql.loads(text))


def _read(row: sql.Row) -> Claim:
    return Claim(
        execution_id=row["id"],
        fence=row["fence"],
        attempt=row["attempt"],
        tries=row["tries"],
        losses=row["lost_count"],
        tenant_id=row["tenant_id"],
        tenant=row["tenant"],
        job_id=row["job_id"],
        job_name=row["job_name"],
        template=row["template"],
        template_version=row["template_version"],
        parameters=sql.loads(row["parameters"]),
        policy=_policy(row["policy"]),
        dry_run=row["dry_run"],
        is_adopted=row["is_adopted"],
        run_key=row["run_key"],
        trigger=row["trigger"],
        request_id=row["request_id"],
        queue=row["queue"],
        scheduled_for=row["scheduled_for"],
        lease=timedelta(seconds=row["lease"]),
        waited=row["waited"],
        has_successors=row["has_successors"],
    )
