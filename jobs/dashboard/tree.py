"""Jobs in groups: by tenant, by template or tag, a stretch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def job_leaves(tenant_ids: Sequence[int] | None, *, group_by: str, limit: int, after: Place | None) -> Leaves:
    """Jobs that are not archived, after a place; a job stands under each of its tags."""
    tenants = None if tenant_ids is None else list(tenant_ids)
    place = None if after is None else [str(part) for part in after]
    values = {"tenants": tenants, "after": place, "limit": limit + 1}
    rows = sql.rows(TREE.format(group=GROUPS[group_by]), values, prepare=False)
    (counted,) = sql.rows(COUNT.format(count=COUNTED[group_by]), {"tenants": tenants}, prepare=False)
    return Leaves(rows[:limit], counted["count"], len(rows) > limit)
