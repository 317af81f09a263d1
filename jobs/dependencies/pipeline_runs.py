"""Runs of a pipeline: a run that nobody triggered, all that followed from it, and what waited for it at gates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.models import Execution, Succession
from jobs.rules.states import ACTIVE, BURIED, SuccessionOutcome
from scheduler_project.lib import sql

MOST_SHOWN = 500
LOOKED_AT = 40  # of each job's newest runs, to find those that begin a run of the pipeline

# Of each job the newest runs that begin something; gated ones belong to what their upstream's tick began.
STARTS = """
SELECT e.id, e.job_id, e.status, e.created_at, e.finished_at, e.trigger, f.statuses, f.finished_at AS last_at
FROM unnest(%(jobs)s::bigint[]) AS j(id)
JOIN dynamic_jobs job ON job.id = j.id
CROSS JOIN LATERAL (
    SELECT id, job_id, status, created_at, finished_at, trigger, flow_id, scheduled_for, dry_run FROM job_executions
    WHERE job_id BETWEEN j.id AND j.id ORDER BY job_id, id DESC LIMIT %(looked_at)s
) e
CROSS JOIN LATERAL (
    SELECT array_agg(m.status) AS statuses, max(m.finished_at) AS finished_at FROM (
        SELECT status, finished_at FROM job_executions WHERE flow_id = e.id AND NOT dry_run
        UNION ALL
        SELECT g.status, g.finished_at FROM job_dependencies d
        JOIN ticks t ON t.job_id = d.downstream_id AND t.due_at = e.scheduled_for
        JOIN job_executions g ON g.id = t.execution_id
        WHERE d.upstream_id = e.job_id AND d.kind = 'gate' AND d.removed_at IS NULL AND e.trigger = 'schedule'
    ) m
) f
WHERE (e.flow_id IS NULL OR e.flow_id = e.id) AND NOT e.dry_run AND e.trigger <> 'backfill'
  AND NOT (e.trigger = 'schedule' AND job.has_gates)
ORDER BY e.id DESC
"""

MEMBERS = """
WITH RECURSIVE line(id) AS (
    SELECT %(start)s::bigint
    UNION
    SELECT next.id FROM line JOIN job_executions e ON e.id = line.id CROSS JOIN LATERAL (
        SELECT e.flow_id AS id WHERE e.flow_id IS NOT NULL
        UNION ALL SELECT m.id FROM job_executions m WHERE m.flow_id = coalesce(e.flow_id, e.id)
        UNION ALL SELECT t.execution_id FROM job_dependencies d
            JOIN ticks t ON t.job_id = d.downstream_id AND t.due_at = e.scheduled_for
            WHERE d.upstream_id = e.job_id AND d.kind = 'gate' AND e.trigger = 'schedule'
              AND d.removed_at IS NULL AND t.execution_id IS NOT NULL
        UNION ALL SELECT t.execution_id FROM job_dependencies d
            JOIN ticks t ON t.job_id = d.upstream_id AND t.due_at = e.scheduled_for
            WHERE d.downstream_id = e.job_id AND d.kind = 'gate' AND e.trigger = 'schedule'
              AND d.removed_at IS NULL AND t.execution_id IS NOT NULL
    ) next
)
SELECT id FROM line LIMIT %(most)s
"""


@dataclass(frozen=True)
class Start:
    """The execution that began a run of a pipeline, and how all of it ended, or that it goes on."""

    id: int
    job_id: int
    trigger: str
    state: str
    created_at: datetime
    finished_at: datetime | None
    runs: int


@dataclass(frozen=True)
class Member:
    """One execution of it; `depth` counts the ends that it came after."""

    execution: Execution
    depth: int
    is_critical: bool


@dataclass(frozen=True)
class PipelineRun:
    id: int
    members: Sequence[Member]
    unstarted: Sequence[Succession]
    is_complete: bool
    since: datetime
    until: datetime | None  # None: it goes on


def newest_starts(job_ids: Collection[int], *, most: int, looked_at: int = LOOKED_AT) -> list[Start]:
    """Of the runs that began with one of these jobs."""
    if not job_ids:
        return []
    rows = sql.rows(STARTS, {"jobs": list(job_ids), "looked_at": looked_at})
    return [_start(row) for row in rows[:most]]


def newest_starts_of_each(groups: Iterable[Sequence[int]], *, most: int) -> list[list[Start]]:
    """The same for several groups of jobs at once."""
    wanted = [list(group) for group in groups]
    group_of = {job_id: index for index, group in enumerate(wanted) for job_id in group}
    found: list[list[Start]] = [[] for _ in wanted]
    for start in newest_starts(group_of, most=len(group_of) * most, looked_at=most):
        mine = found[group_of[start.job_id]]
        if len(mine) < most:
            mine.append(start)
    return found


def _start(row: sql.Row) -> Start:
    statuses = [row["status"], *(row["statuses"] or ())]
    goes_on = any(status in ACTIVE for status in statuses)
    state = "running" if goes_on else "failed" if any(one in BURIED for one in statuses) else ""
    state = state or ("cancelled" if "cancelled" in statuses else "succeeded")
    ends = [at for at in (row["finished_at"], row["last_at"]) if at is not None]
    last = None if goes_on or not ends else max(ends)
    return Start(row["id"], row["job_id"], row["trigger"], state, row["created_at"], last, len(statuses))


def read_run(start_id: int, *, tenant_id: int) -> PipelineRun | None:
    """The whole of the run that this execution is part of."""
    ids = [row["id"] for row in sql.rows(MEMBERS, {"start": start_id, "most": MOST_SHOWN + 1})]
    rows = Execution.objects.filter(pk__in=ids[:MOST_SHOWN], tenant=tenant_id, dry_run=False).select_related("job")
    executions = list(rows.defer("parameters", "policy", "result").order_by("pk"))
    if not executions:
        return None
    flows = {row.flow_id or row.pk for row in executions}
    answers = Succession.objects.filter(flow_id__in=flows).select_related(
        "dependency__upstream", "dependency__downstream"
    )
    successions = list(answers.order_by("pk")[:MOST_SHOWN])
    befores = _befores(executions, successions)
    critical = _critical(executions, befores)
    depth: dict[int, int] = {}
    for row in executions:  # by their ids: what follows was made later
        depth[row.pk] = max((depth.get(one, 0) + 1 for one in befores[row.pk]), default=0)
    goes_on = any(row.status in ACTIVE for row in executions)
    ends = [row.finished_at for row in executions if row.finished_at is not None]
    return PipelineRun(
        id=start_id,
        members=[Member(row, depth[row.pk], row.pk in critical) for row in executions],
        unstarted=_unstarted(successions),
        is_complete=len(ids) <= MOST_SHOWN,
        since=min(row.created_at for row in executions),
        until=None if goes_on or not ends else max(ends),
    )


def _befores(executions: Sequence[Execution], successions: Sequence[Succession]) -> dict[int, set[int]]:
    """Whose ends each of them came after."""
    known = {row.pk for row in executions}
    befores: dict[int, set[int]] = defaultdict(set)
    for row in executions:
        befores[row.pk] |= {row.parent_id} & known if row.parent_id else set()
    for one in successions:
        if one.successor_id in known and one.upstream_execution_id in known:
            befores[one.successor_id].add(one.upstream_execution_id)
    return befores


def _critical(executions: Sequence[Execution], befores: dict[int, set[int]]) -> set[int]:
    """Back from the run that ended last, each time to the one that it had to wait for longest."""
    ended = {row.pk: row.finished_at for row in executions if row.finished_at is not None}
    if not ended:
        return set()
    path = [max(ended, key=lambda one: (ended[one], one))]
    while before := [one for one in befores[path[-1]] if one in ended and one not in path]:
        path.append(max(before, key=lambda one: (ended[one], one)))
    return set(path) if len(path) > 1 else set()


def _unstarted(successions: Sequence[Succession]) -> list[Succession]:
    """The last word of each dependency, where that is that nothing was started."""
    last: dict[int, Succession] = {one.dependency_id: one for one in successions}
    return [one for one in last.values() if one.outcome != SuccessionOutcome.STARTED]
