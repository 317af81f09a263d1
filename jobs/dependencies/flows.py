"""A flow: the execution that began it and all that followed from it; what in it can still come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from jobs.models import Execution, Succession
from jobs.rules.dependency import misfit
from jobs.rules.states import ACTIVE, ExecutionStatus, SuccessionOutcome, Trigger
from scheduler_project.lib import sql

MOST_SHOWN = 1_000


@dataclass(frozen=True)
class Flow:
    id: int
    executions: Sequence[Execution]
    successions: Sequence[Succession]
    is_complete: bool


def flow_of(execution: Execution) -> int:
    return execution.flow_id or execution.pk


def find_in_flow(flow_id: int) -> QuerySet[Execution]:
    """Those that count: dry runs and backfills start nothing."""
    found = Execution.objects.filter(Q(pk=flow_id) | Q(flow_id=flow_id), dry_run=False)
    return found.exclude(trigger=Trigger.BACKFILL.value)


# Whether the job may still end in the flow: itself or one before it waits or runs, or has ended without an answer for
# its successors yet, or waits for others that come together.
MAY_COME = """
WITH RECURSIVE line AS (
    SELECT %(job)s::bigint AS job_id
    UNION SELECT d.upstream_id FROM line JOIN job_dependencies d
        ON d.downstream_id = line.job_id AND d.kind = 'trigger' AND d.removed_at IS NULL
), members AS (
    SELECT e.id, e.job_id, e.status, e.finished_at FROM job_executions e
    WHERE (e.id = %(flow)s OR e.flow_id = %(flow)s) AND NOT e.dry_run AND e.trigger <> 'backfill'
      AND e.job_id IN (SELECT job_id FROM line)
)
SELECT 1 FROM members WHERE status IN ('queued', 'running')
UNION ALL
SELECT 1 FROM members m JOIN job_dependencies d ON d.upstream_id = m.job_id
    AND d.kind = 'trigger' AND d.removed_at IS NULL AND d.created_at <= m.finished_at
    AND d.downstream_id IN (SELECT job_id FROM line)
WHERE NOT EXISTS (SELECT FROM job_successions s WHERE s.dependency_id = d.id AND s.upstream_execution_id = m.id)
UNION ALL
SELECT 1 FROM job_successions s JOIN job_dependencies d ON d.id = s.dependency_id
WHERE s.flow_id = %(flow)s AND s.outcome = 'waiting' AND d.kind = 'trigger'
  AND d.downstream_id IN (SELECT job_id FROM line)
LIMIT 1
"""


def may_come(job_id: int, flow_id: int) -> bool:
    return bool(sql.rows(MAY_COME, {"job": job_id, "flow": flow_id}))


def why_missing(job_id: int, name: str, flow_id: int) -> tuple[str, str]:
    """Why a job that others wait for did not end fittingly in a flow: the reason and its words."""
    last = find_in_flow(flow_id).filter(job_id=job_id).exclude(status__in=ACTIVE).order_by("-pk").first()
    if last is not None:
        return misfit(ExecutionStatus(last.status)), f"{name} ended {last.status} (execution {last.pk})."
    refused = Succession.objects.filter(
        flow_id=flow_id, dependency__downstream=job_id, outcome=SuccessionOutcome.NOT_STARTED
    ).first()
    if refused is not None:
        return "upstream_not_started", f"{name} was not started in this flow: {refused.reason}."
    return "upstream_not_in_flow", f"{name} does not run in the flow of execution {flow_id}: nothing in it leads there."


def read_flow(flow_id: int) -> Flow:
    """For people who look: with dry runs, and bounded."""
    found = Execution.objects.filter(Q(pk=flow_id) | Q(flow_id=flow_id)).select_related("job").order_by("pk")
    runs = list(found.defer("parameters", "policy", "result")[: MOST_SHOWN + 1])
    answers = Succession.objects.filter(flow_id=flow_id).select_related(
        "dependency__upstream", "dependency__downstream"
    )
    shown = list(answers.order_by("pk")[: MOST_SHOWN + 1])
    is_complete = len(runs) <= MOST_SHOWN and len(shown) <= MOST_SHOWN
    return Flow(flow_id, runs[:MOST_SHOWN], shown[:MOST_SHOWN], is_complete)
