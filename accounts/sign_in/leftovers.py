"""Forgets sign-ins a day after their last refresh token has expired."""

from __future__ import annotations

from scheduler_project.lib import sql

AT_ONCE = 1_000
SWEEP = """
DELETE FROM sign_ins WHERE id = ANY (ARRAY(
    SELECT id FROM sign_ins WHERE expires_at < statement_timestamp() - interval '1 day' LIMIT %(most)s
    FOR UPDATE SKIP LOCKED))
RETURNING id
"""


def sweep() -> int:
    """Returns how many."""
    swept = total = len(sql.rows(SWEEP, {"most": AT_ONCE}))
    while swept == AT_ONCE:
        swept = len(sql.rows(SWEEP, {"most": AT_ONCE}))
        total += swept
    return total
