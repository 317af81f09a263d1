"""Jobs in groups: by tenant, by template or tag, a stretch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.rules.states import BURIED
from scheduler_project.lib import sql

GROUPS = {
    "template": "SELECT m.name AS name, m.title AS title",
    "tag": "SELECT tag AS name, tag AS title "
    "FROM unnest(CASE WHEN j.tags = '{}' THEN ARRAY[''] ELSE j.tags END) AS tag",
}
TREE = """
SELECT t.slug AS tenant, t.name AS tenant_name, g.name AS grouped_by, g.title, j.id, j.name, j.is_enabled,
       j.paused_at IS NOT NULL AS is_paused, j.problem <> '' AS is_quarantined, j.last_status, j.last_run_at,
       j.last_finished_at, j.last_execution_id, j.next_tick_at, j.failures_in_row
FROM dynamic_jobs j JOIN tenants t ON t.id = j.tenant_id JOIN job_templates m ON m.id = j.template_id
CROSS JOIN LATERAL ({group}) AS g
WHERE j.archived_at IS NULL AND (%(tenants)s::bigint[] IS NULL OR j.tenant_id = ANY(%(tenants)s::bigint[]))
  AND (%(within)s::text[] IS NULL OR (t.slug = (%(within)s::text[])[1] AND g.name = (%(within)s::text[])[2]))
  AND (%(after)s::text[] IS NULL OR (t.slug, g.name::text, j.name, j.id) >
       ((%(after)s::text[])[1], (%(after)s::text[])[2], (%(after)s::text[])[3], (%(after)s::text[])[4]::bigint))
ORDER BY t.slug, g.name, j.name, j.id
LIMIT %(limit)s
"""
COUNT = """
SELECT {count} AS count FROM dynamic_jobs j
WHERE j.archived_at IS NULL AND (%(tenants)s::bigint[] IS NULL OR j.tenant_id = ANY(%(tenants)s::bigint[]))
"""
COUNTED = {"template": "count(*)", "tag": "coalesce(sum(greatest(cardinality(j.tags), 1)), 0)::bigint"}

Place = tuple[str, str, str, int]  # tenant, group, name and id of a job


@dataclass(frozen=True)
class Leaves:
    """A stretch of the tree, in its order: by tenant, group and name."""

    rows: Sequence[sql.Row]
    total: int
    has_more: bool

    @property
    def last(self) -> Place:
        row = self.rows[-1]
        return row["tenant"], row["grouped_by"], row["name"], row["id"]


def job_leaves(
    tenant_ids: Sequence[int] | None,
    *,
    group_by: str,
    limit: int,
    after: Place | None = None,
    within: tuple[str, str] | None = None,
) -> Leaves:
    """Jobs that are not archived, after a place; a job stands under each of its tags. `within` names a tenant and a
    group of it."""
    tenants = None if tenant_ids is None else list(tenant_ids)
    place = None if after is None else [str(part) for part in after]
    values = {"tenants": tenants, "after": place, "limit": limit + 1, "within": within and list(within)}
    rows = sql.rows(TREE.format(group=GROUPS[group_by]), values, prepare=False)
    (counted,) = sql.rows(COUNT.format(count=COUNTED[group_by]), {"tenants": tenants}, prepare=False)
    return Leaves(rows[:limit], counted["count"], len(rows) > limit)


# --- the groups by themselves -----------------------------------------------------------------------------------------

BRANCHES = """
SELECT t.slug AS tenant, t.name AS tenant_name, g.name, g.title, count(*) AS jobs,
       count(*) FILTER (WHERE j.problem <> '') AS quarantined,
       count(*) FILTER (WHERE j.paused_at IS NOT NULL AND j.problem = '' AND j.is_enabled) AS paused,
       count(*) FILTER (WHERE j.last_status = ANY(%(bad)s::text[])) AS failed,
       min(j.next_tick_at) FILTER (WHERE j.paused_at IS NULL) AS next_tick_at, count(*) OVER () AS branches
FROM dynamic_jobs j JOIN tenants t ON t.id = j.tenant_id JOIN job_templates m ON m.id = j.template_id
CROSS JOIN LATERAL ({group}) AS g
WHERE j.archived_at IS NULL AND (%(tenants)s::bigint[] IS NULL OR j.tenant_id = ANY(%(tenants)s::bigint[]))
GROUP BY t.slug, t.name, g.name, g.title
ORDER BY t.slug, g.name LIMIT %(most)s
"""


@dataclass(frozen=True)
class Branch:
    """A group of a tenant's jobs that are not archived. `failed` counts those whose last run did not succeed."""

    tenant: str
    tenant_name: str
    name: str
    title: str
    jobs: int
    quarantined: int
    paused: int
    failed: int
    next_tick_at: datetime | None


def branches(tenant_ids: Sequence[int] | None, *, group_by: str, most: int) -> tuple[list[Branch], int]:
    """The first ones by tenant and name, and how many there are."""
    values = {"tenants": None if tenant_ids is None else list(tenant_ids), "bad": [*BURIED], "most": most}
    rows = sql.rows(BRANCHES.format(group=GROUPS[group_by]), values, prepare=False)
    count = rows[0]["branches"] if rows else 0
    return [Branch(**{name: row[name] for name in Branch.__dataclass_fields__}) for row in rows], count
