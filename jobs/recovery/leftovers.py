"""Removes what runs kept for a next attempt that will not come. Effects stay for as long as their execution does."""

from __future__ import annotations

from scheduler_project.lib import sql

BATCH = 1000

CHECKPOINTS = """
DELETE FROM run_checkpoints WHERE execution_id = ANY (ARRAY(
    SELECT c.execution_id FROM run_checkpoints c LEFT JOIN job_executions e ON e.id = c.execution_id
    WHERE e.id IS NULL OR e.status = 'succeeded' LIMIT %(batch)s))
RETURNING 1
"""
EFFECTS = """
DELETE FROM run_effects WHERE id = ANY (ARRAY(
    SELECT f.id FROM run_effects f LEFT JOIN job_executions e ON e.id = f.execution_id
    WHERE e.id IS NULL LIMIT %(batch)s))
RETURNING 1
"""


def sweep() -> int:
    """Remove all of them, a batch at a time. Returns how many rows."""
    return sum(map(_remove, (CHECKPOINTS, EFFECTS)))


def _remove(statement: str) -> int:
    removed = total = len(sql.rows(statement, {"batch": BATCH}))
    while removed == BATCH:
        removed = len(sql.rows(statement, {"batch": BATCH}))
        total += removed
    return total
