"""A run outside the schedule: of a job, now. (Those of ticks are made by the ledger, with their ticks.)"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobs.models import Job
from jobs.rules.states import HeldFor, Trigger
from scheduler_project.lib import sql


class JobIsArchived(Exception):
    """An archived job is history: it does not change and does not run."""


CREATE = """
WITH made AS (
    INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, scheduled_for, revision, parameters, policy,
        dry_run, requested_by, request_id, queue, priority, pool_id, max_instances, max_attempts, held_for,
        parent_id, flow_id, user_id, event_sequence)
    SELECT j.tenant_id, j.id, j.template_id, %(trigger)s, %(scheduled_for)s::timestamptz, j.revision,
           coalesce(%(parameters)s::jsonb, j.parameters), j.policy, %(dry_run)s, %(requested_by)s, %(request_id)s,
           j.queue, coalesce(%(priority)s::smallint, j.priority), CASE WHEN NOT %(dry_run)s THEN j.pool_id END,
           %(slots)s::integer, %(attempts)s,
           CASE WHEN t.requires_approval AND NOT %(dry_run)s THEN 'approval' ELSE %(held_for)s END,
           %(parent)s::bigint, %(flow)s::bigint, %(user_id)s::text, 1
    -- The lock waits for whoever is archiving the job, and then finds it archived.
    FROM dynamic_jobs j JOIN job_templates t ON t.id = j.template_id
    WHERE j.id = %(job)s AND j.archived_at IS NULL FOR SHARE OF j
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
    priority: int | None = None,
    parent_id: int | None = None,
    flow_id: int | None = None,
    user_id: str | None = None,
) -> int:
    """Queue one run of a job outside its schedule and return its id. Announcing it is the caller's, after commit.

    `scheduled_for` is the instant that it runs again for, `priority` where it waits if not in the job's own. Raises
    `JobIsArchived`.
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
            "priority": priority,
            "parent": parent_id,
            "flow": flow_id,
            "user_id": user_id,
            "held_for": HeldFor.APPROVAL if policy.requires_approval and not dry_run else "",
        },
    )
    if made is None:
        raise JobIsArchived(f"{job.name} is archived; it cannot run any more.")
    execution_id: int = made["id"]
    return execution_id
