"""Prolonging the lease of a run, and learning of a wish to end it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.executions.claiming import Claim
from scheduler_project.lib import sql

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


SEEN = """
WITH seen AS (
    UPDATE job_executions SET cancel_seen_at = clock_timestamp(), event_sequence = event_sequence + 1
    WHERE id = %(id)s AND fence = %(fence)s AND status = 'running' AND cancel_seen_at IS NULL
    RETURNING id, tenant_id, job_id, event_sequence, cancel_seen_at
)
INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id)
SELECT id, event_sequence, 'cancel_seen', cancel_seen_at, tenant_id, job_id FROM seen
"""


def confirm_cancel(claim: Claim) -> None:
    """The process of the run has learned that somebody asked for its end."""
    sql.rows(SEEN, {"id": claim.execution_id, "fence": claim.fence})


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
