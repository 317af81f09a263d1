"""A run without a job: of a template, with parameters and limits of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobs.rules.policy import JobPolicy
from jobs.rules.states import HeldFor, Trigger
from scheduler_project.lib import sql

SUBMIT = """
WITH made AS (
    INSERT INTO job_executions (tenant_id, template_id, trigger, scheduled_for, parameters, policy, dry_run,
        requested_by, request_id, queue, priority, max_attempts, held_for, user_id, available_at, event_sequence)
    VALUES (%(tenant)s, %(template)s, %(trigger)s, %(at)s::timestamptz, %(parameters)s, %(policy)s, %(dry_run)s,
        %(requested_by)s, %(request_id)s, %(queue)s, %(priority)s, %(attempts)s, %(held_for)s, %(user_id)s::text,
        greatest(%(at)s::timestamptz, statement_timestamp()), 1)
    RETURNING id, tenant_id, created_at
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id)
    SELECT id, 1, 'queued', created_at, tenant_id FROM made
)
SELECT id FROM made
"""


def submit(
    *,
    tenant_id: int,
    template_id: int,
    parameters: Mapping[str, Any],
    policy: JobPolicy,
    queue: str,
    priority: int,
    requested_by: str,
    request_id: str = "",
    scheduled_at: datetime | None = None,
    dry_run: bool = False,
    trigger: Trigger = Trigger.API,
    user_id: str | None = None,
) -> int:
    """Queue it, not to start before `scheduled_at`, and return its id. Announcing it is the caller's, after commit.

    No job stands behind it, so it takes no slot and no pool, and no start deadline ends it.
    """
    made = sql.row(
        SUBMIT,
        {
            "tenant": tenant_id,
            "template": template_id,
            "trigger": trigger.value,
            "at": scheduled_at,
            "parameters": sql.json(dict(parameters)),
            "policy": sql.json(policy.to_json()),
            "requested_by": requested_by,
            "request_id": request_id,
            "queue": queue,
            "priority": priority,
            "dry_run": dry_run,
            "user_id": user_id,
            "attempts": 1 if dry_run else policy.max_attempts,
            "held_for": HeldFor.APPROVAL if policy.requires_approval and not dry_run else "",
        },
    )
    assert made is not None
    execution_id: int = made["id"]
    return execution_id
