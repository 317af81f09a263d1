"""Queues runs by the thousand, as no API would."""

from __future__ import annotations

from typing import Any

import psycopg

NAME = "Backlog"  # of the job whose runs they are

QUEUE = """
WITH made AS (
    INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, revision, parameters, policy, queue, priority,
                                max_attempts, event_sequence)
    SELECT j.tenant_id, j.id, j.template_id, 'manual', j.revision, j.parameters, j.policy, j.queue, j.priority, 6, 1
    FROM dynamic_jobs j CROSS JOIN generate_series(1, %(runs)s) WHERE j.name = %(job)s
    RETURNING id, tenant_id, job_id, created_at
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id)
    SELECT id, 1, 'queued', created_at, tenant_id, job_id FROM made
)
SELECT id FROM made
"""


def queue(database: psycopg.Connection[Any], runs: int) -> list[int]:
    """Queue them in one transaction and return their ids."""
    with database.transaction():
        database.execute("SET LOCAL statement_timeout = '60s'")
        return [row[0] for row in database.execute(QUEUE.encode(), {"runs": runs, "job": NAME}).fetchall()]
