"""The dead letter of an execution that ends without success, written by the statement that ends it."""

from __future__ import annotations

from functools import cache

# `ended` has the execution as it is from now on. A letter that is there already must not keep an end from happening.
BURY = """, buried AS (
    INSERT INTO dead_letters (tenant_id, job_id, template_id, execution_id, fingerprint, status, reason, error_class,
                              error, place, attempts, died_at)
    SELECT tenant_id, job_id, template_id, id, fingerprint, status, reason, error_class, left(error, 1000), %(place)s,
           attempt, finished_at
    FROM ended WHERE NOT dry_run
    ON CONFLICT (execution_id) DO NOTHING
)"""
ANSWER = "\nSELECT "


@cache
def burying(statement: str) -> str:
    """The statement with the letter in front of its answer."""
    before, answer = statement.rsplit(ANSWER, 1)
    return before + BURY + ANSWER + answer
