"""Writes what came of an end of an upstream, once: whoever comes second changes nothing but a wait."""

from __future__ import annotations

from jobs.models import Dependency
from jobs.rules.states import SuccessionOutcome
from scheduler_project.lib import sql

MOST_MESSAGE = 500

RECORD = """
INSERT INTO job_successions AS s (dependency_id, tenant_id, upstream_execution_id, successor_id, flow_id, outcome,
                                  reason, message)
VALUES (%(dependency)s, %(tenant)s, %(upstream)s, %(successor)s, %(flow)s, %(outcome)s, %(reason)s, %(message)s)
ON CONFLICT (dependency_id, {key}) DO UPDATE
SET successor_id = excluded.successor_id, outcome = excluded.outcome, reason = excluded.reason,
    message = excluded.message, decided_at = excluded.decided_at,
    upstream_execution_id = coalesce(s.upstream_execution_id, excluded.upstream_execution_id)
WHERE s.outcome = 'waiting'
"""
OF_AN_END = RECORD.format(key="upstream_execution_id")
OF_A_GATE = RECORD.format(key="successor_id")


def record(
    edge: Dependency,
    outcome: SuccessionOutcome,
    *,
    upstream_execution_id: int | None,
    flow_id: int | None = None,
    successor_id: int | None = None,
    reason: str = "",
    message: str = "",
) -> None:
    """Runs inside the caller's transaction."""
    sql.rows(
        OF_A_GATE if upstream_execution_id is None else OF_AN_END,
        {
            "dependency": edge.pk,
            "tenant": edge.tenant_id,
            "upstream": upstream_execution_id,
            "successor": successor_id,
            "flow": flow_id,
            "outcome": outcome.value,
            "reason": reason[:60],
            "message": sql.text(message)[:MOST_MESSAGE],
        },
    )
