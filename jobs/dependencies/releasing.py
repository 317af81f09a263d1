"""What happens when an execution has come to rest: each of its edges is answered, and whatever that brings about."""

from __future__ import annotations

from collections import deque

from django.db import Error

from jobs.dependencies import flows, gates, triggers
from jobs.dependencies.recording import record
from jobs.models import Dependency, Execution, Succession
from jobs.rules.states import ACTIVE, DependencyKind, SuccessionOutcome
from scheduler_project.lib import sql, telemetry, transactions

MOST_ROUNDS = 100

# Edges of the kind trigger that answer for this end and have not done so.
UNANSWERED = """
SELECT d.id FROM job_executions e
JOIN job_dependencies d ON d.upstream_id = e.job_id AND d.kind = 'trigger' AND d.removed_at IS NULL
    AND d.created_at <= e.finished_at
WHERE e.id = %(id)s
  AND NOT EXISTS (SELECT FROM job_successions s WHERE s.dependency_id = d.id AND s.upstream_execution_id = e.id)
ORDER BY d.id
"""


def release(execution_id: int) -> list[int]:
    """Answer for an execution that has ended, and for those that end by that. Returns the executions to be announced.
    Safe to repeat: what is answered stays so."""
    started: list[int] = []
    ends = deque([execution_id])
    while ends:
        ended = Execution.objects.filter(pk=ends.popleft()).exclude(status__in=ACTIVE).first()
        if ended is None or not triggers.counts(ended):
            continue
        for dependency_id in _unanswered(ended.pk):
            started += _answer(dependency_id, ended)
        for held_id in gates.find_held_by(ended):
            freed, is_over = gates.settle_gate(held_id)
            started += freed
            if is_over:
                ends.append(held_id)
        started += settle_flow(flows.flow_of(ended))
    return started


def _unanswered(execution_id: int) -> list[int]:
    return [row["id"] for row in sql.rows(UNANSWERED, {"id": execution_id})]


def settle_flow(flow_id: int) -> list[int]:
    """Look again at all that waits in a flow, until nothing more comes of it."""
    started: list[int] = []
    for _ in range(MOST_ROUNDS):
        waiting = Succession.objects.filter(flow_id=flow_id, outcome=SuccessionOutcome.WAITING)
        waiting = waiting.filter(dependency__kind=DependencyKind.TRIGGER)
        has_changed = False
        for downstream_id in sorted(set(waiting.values_list("dependency__downstream", flat=True))):
            begun, is_decided = triggers.settle_waiting(downstream_id, flow_id)
            started += begun
            has_changed = has_changed or is_decided
        if not has_changed:
            break
    return started


def _answer(dependency_id: int, ended: Execution) -> list[int]:
    try:
        return triggers.answer(dependency_id, ended)
    except Error:
        raise  # the database's trouble passes; the sweep comes again
    except Exception as error:  # noqa: BLE001  whatever is stored in one job, the others must go on
        with transactions.engine():
            record(
                Dependency.objects.get(pk=dependency_id),
                SuccessionOutcome.NOT_STARTED,
                upstream_execution_id=ended.pk,
                flow_id=flows.flow_of(ended),
                reason="error",
                message=f"{type(error).__name__}: {error}",
            )
        telemetry.emit("dependency.failed", dependency=dependency_id, execution_id=ended.pk, error=repr(error))
        return []
