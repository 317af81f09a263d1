"""Very many ends of runs at once, written as the engine writes them, in one statement."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler_project.lib import sql

END = """
WITH made AS (
    INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, revision, parameters, policy, dry_run,
        requested_by, request_id, queue, priority, max_attempts, status, reason, attempt, error, error_class,
        started_at, finished_at, event_sequence)
    SELECT j.tenant_id, j.id, j.template_id, 'schedule', j.revision, j.parameters, j.policy, false, '', '', j.queue,
           j.priority, 1, %(status)s::text, CASE WHEN %(status)s::text = 'succeeded' THEN '' ELSE 'permanent' END, 1,
           'ConnectionError: the database said no', 'ConnectionError', clock_timestamp(), clock_timestamp(), 3
    FROM unnest(%(jobs)s::bigint[]) WITH ORDINALITY AS v(id, place) JOIN dynamic_jobs j USING (id)
    ORDER BY v.place
    RETURNING id, tenant_id, job_id, status, finished_at
)
INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
SELECT id, 3, status, finished_at, tenant_id, job_id, '{"attempt": 1, "seconds": 0.1}' FROM made ORDER BY id
"""


def end(jobs: Sequence[int], status: str = "failed") -> None:
    """A run of each of these jobs, of one as often as it is named, in this order."""
    sql.rows(END, {"jobs": list(jobs), "status": status})
