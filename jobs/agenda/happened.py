"""The past of the axis, from the ledger: each tick with what became of it and of its run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from scheduler_project.lib import sql

# The worst first: where several share a place, the first of them is shown.
STATES = ("missed", "failed", "running", "skipped", "ran")
MOST_TICKS = 60_000

STATE = """
CASE WHEN t.outcome = 'missed' THEN 'missed'
     WHEN t.outcome IN ('skipped', 'coalesced', 'shadow') THEN 'skipped'
     WHEN e.status IN ('failed', 'timed_out', 'lost', 'dead') THEN 'failed'
     WHEN e.status IN ('queued', 'running') THEN 'running'
     WHEN e.status = 'cancelled' THEN 'skipped'
     ELSE 'ran' END"""

# Of each job, at most one mark for each place of the picture and each state.
MARKS = f"""
SELECT j.id AS job_id, t.place, t.state, t.count
FROM unnest(%(jobs)s::bigint[]) AS j(id)
CROSS JOIN LATERAL (
    SELECT floor(extract(epoch FROM t.due_at - %(since)s::timestamptz) / %(size)s::float)::int AS place,
           {STATE} AS state, count(*) AS count
    FROM ticks t LEFT JOIN job_executions e ON e.id = t.execution_id
    WHERE t.job_id = j.id AND t.due_at >= %(since)s AND t.due_at < %(until)s
    GROUP BY 1, 2
) t
"""  # noqa: S608

COUNTS = f"""
SELECT width_bucket(t.due_at, %(edges)s::timestamptz[]) - 1 AS place, {STATE} AS state, count(*) AS count
FROM (
    SELECT t.due_at, t.outcome, t.execution_id FROM unnest(%(tenants)s::bigint[]) AS n(id)
    CROSS JOIN LATERAL (
        SELECT due_at, outcome, execution_id FROM ticks
        WHERE tenant_id = n.id AND due_at >= %(since)s AND due_at < %(until)s
          AND (%(jobs)s::bigint[] IS NULL OR job_id = ANY(%(jobs)s::bigint[]))
        ORDER BY due_at DESC LIMIT %(most)s
    ) t
) t LEFT JOIN job_executions e ON e.id = t.execution_id
GROUP BY 1, 2
"""  # noqa: S608

INSTANTS = f"""
SELECT t.job_id, t.due_at, t.outcome, t.reason, t.execution_id, e.status, {STATE} AS state
FROM (
    SELECT t.* FROM unnest(%(tenants)s::bigint[]) AS n(id)
    CROSS JOIN LATERAL (
        SELECT job_id, due_at, outcome, reason, execution_id FROM ticks
        WHERE tenant_id = n.id AND due_at >= %(since)s AND due_at < %(until)s
          AND (%(jobs)s::bigint[] IS NULL OR job_id = ANY(%(jobs)s::bigint[]))
        ORDER BY due_at, job_id LIMIT %(most)s
    ) t
    ORDER BY t.due_at, t.job_id LIMIT %(most)s
) t LEFT JOIN job_executions e ON e.id = t.execution_id
ORDER BY t.due_at, t.job_id
"""  # noqa: S608


@dataclass(frozen=True)
class Counted:
    """By stretch and state."""

    by_place: dict[int, dict[str, int]]
    is_complete: bool  # false: the oldest were left out


@dataclass(frozen=True)
class Instant:
    job_id: int
    due_at: datetime
    outcome: str
    reason: str
    execution_id: int | None
    state: str


def marks(
    job_ids: Sequence[int], *, since: datetime, until: datetime, size: float
) -> dict[int, dict[int, dict[str, int]]]:
    """By job and place, `size` seconds each from `since` on: how many ticks in which state."""
    found: dict[int, dict[int, dict[str, int]]] = {job_id: defaultdict(dict) for job_id in job_ids}
    if job_ids and since < until:
        window = {"jobs": list(job_ids), "since": since, "until": until, "size": size}
        for row in sql.rows(MARKS, window):
            found[row["job_id"]][row["place"]][row["state"]] = row["count"]
    return found


def counts(
    tenant_ids: Collection[int], edges: Sequence[datetime], *, job_ids: Collection[int] | None = None
) -> Counted:
    """How many ticks there were between neighbouring edges; of these jobs only, when they are named."""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    if len(edges) < 2 or not tenant_ids:
        return Counted({}, is_complete=True)
    window = {
        "tenants": list(tenant_ids), "jobs": None if job_ids is None else list(job_ids), "edges": list(edges),
        "since": edges[0], "until": edges[-1], "most": MOST_TICKS,
    }  # fmt: skip
    total = 0
    for row in sql.rows(COUNTS, window):
        found[row["place"]][row["state"]] = row["count"]
        total += row["count"]
    return Counted(dict(found), is_complete=total < MOST_TICKS)


def instants(
    tenant_ids: Collection[int], *, since: datetime, until: datetime, most: int,
    job_ids: Collection[int] | None = None,
) -> list[Instant]:  # fmt: skip
    """The ticks of a stretch in the order of time, at most so many."""
    if not tenant_ids or since >= until:
        return []
    window = {
        "tenants": list(tenant_ids), "jobs": None if job_ids is None else list(job_ids), "since": since,
        "until": until, "most": most,
    }  # fmt: skip
    return [
        Instant(row["job_id"], row["due_at"], row["outcome"], row["reason"], row["execution_id"], row["state"])
        for row in sql.rows(INSTANTS, window)
    ]
