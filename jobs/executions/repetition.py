"""Runs that repeat others which have ended: the same template, parameters and policy, as they were then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scheduler_project.lib import sql

# The run key stays as long as the parameters do, and so do the effects that the run has had: to whoever sees it
# outside, and to its template, it is the same piece of work once more.
# The lock waits for whoever is archiving the job, and then finds it archived.
REPEAT = """
WITH living AS MATERIALIZED (
    SELECT id FROM dynamic_jobs
    WHERE id IN (SELECT job_id FROM job_executions WHERE id = ANY(%(ids)s::bigint[])) AND archived_at IS NULL
    FOR SHARE
), made AS (
    INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, scheduled_for, revision, parameters, policy,
        run_key, requested_by, request_id, queue, priority, pool_id, max_instances, max_attempts, held_for, parent_id,
        flow_id, user_id, event_sequence)
    SELECT o.tenant_id, o.job_id, o.template_id, 'replay', o.scheduled_for, o.revision,
           coalesce(%(parameters)s::jsonb, o.parameters), o.policy,
           CASE WHEN %(parameters)s::jsonb IS NULL THEN o.run_key ELSE gen_random_uuid() END,
           %(requested_by)s, %(request_id)s, o.queue, o.priority, (SELECT id FROM pools WHERE id = o.pool_id),
           o.max_instances, o.max_attempts,
           CASE WHEN t.requires_approval OR (o.policy ->> 'requires_approval')::boolean THEN 'approval' ELSE '' END,
           o.id, o.flow_id, o.user_id, 1
    FROM job_executions o JOIN job_templates t ON t.id = o.template_id
    WHERE o.id = ANY(%(ids)s::bigint[]) AND o.finished_at IS NOT NULL AND NOT o.dry_run AND t.is_available
      AND (o.job_id IS NULL OR o.job_id IN (SELECT id FROM living))
    ORDER BY o.id
    RETURNING id, parent_id, tenant_id, job_id, created_at
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id)
    SELECT id, 1, 'queued', created_at, tenant_id, job_id FROM made
), had AS (
    INSERT INTO run_effects (execution_id, key, fence, attempt, recorded_at, kept_at, result)
    SELECT made.id, x.key, 0, 0, x.recorded_at, x.kept_at, x.result
    FROM made JOIN run_effects x ON x.execution_id = made.parent_id
    WHERE %(parameters)s::jsonb IS NULL
)
SELECT parent_id, id FROM made
"""


def repeat(
    execution_ids: Sequence[int],
    *,
    requested_by: str,
    request_id: str = "",
    parameters: Mapping[str, Any] | None = None,
) -> dict[int, int]:
    """Queue each of these once more, and return the new ids by the old ones. Announcing them is the caller's.

    Left out are those that have not ended or are kept no longer, and those whose job is archived or whose template the
    code has no more.
    """
    values = {
        "ids": list(execution_ids),
        "requested_by": requested_by,
        "request_id": request_id,
        "parameters": None if parameters is None else sql.json(dict(parameters)),
    }
    return {row["parent_id"]: row["id"] for row in sql.rows(REPEAT, values)}
