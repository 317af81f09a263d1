"""The jobs in groups, by template or tag; what a group holds is read when it is unfolded."""

from __future__ import annotations

from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from jobs import dashboard
from jobs.admin.dashboard import links
from jobs.admin.dashboard.viewer import Viewer

MOST_BRANCHES, LEAVES = 200, 50
GROUPS = {"template": "Template", "tag": "Tag"}


def build(viewer: Viewer) -> dict[str, Any]:
    group_by = viewer.chosen("group", GROUPS, "template")
    found, count = dashboard.branches(viewer.tenant_ids, group_by=group_by, most=MOST_BRANCHES)
    tenants = [
        (name, [(number, branch, _list_url(group_by, branch), _query(group_by, branch)) for number, branch in rows])
        for (_, name), rows in groupby(enumerate(found), key=lambda row: (row[1].tenant, row[1].tenant_name))
    ]
    return {
        "tenants": tenants,
        "shows_tenants": len(tenants) > 1,
        "more": count - len(found),
        "groups": [(name, title, name == group_by) for name, title in GROUPS.items()],
        "jobs": sum(branch.jobs for branch in found),
    }


def leaves(viewer: Viewer) -> dict[str, Any]:
    """Of one group, from a place on."""
    group_by = viewer.chosen("group", GROUPS, "template")
    asked = viewer.request.GET
    tenant, name = asked.get("tenant", "")[:100], asked.get("name", "")[:200]
    job, place = asked.get("after", "")[:200], viewer.number("place")
    found = dashboard.job_leaves(
        viewer.tenant_ids,
        group_by=group_by,
        limit=LEAVES,
        within=(tenant, name),
        after=(tenant, name, job, place) if place else None,
    )
    for row in found.rows:
        row["state"] = _state(row)
    query = {"group": group_by, "tenant": tenant, "name": name}
    if found.has_more:
        _, _, job, place = found.last
        query |= {"after": job, "place": str(place)}
    return {
        "leaves": found.rows,
        "now": viewer.now,
        "more": urlencode(query) if found.has_more else "",
        "is_continued": asked.get("after") is not None,
    }


def _state(row: Any) -> str:
    """Only what is out of the ordinary."""
    if row["is_quarantined"]:
        return "problem"
    if not row["is_enabled"]:
        return "disabled"
    return "paused" if row["is_paused"] else ""


def _list_url(group_by: str, branch: dashboard.Branch) -> str:
    return links.jobs(**{group_by: branch.name, "tenant": branch.tenant})


def _query(group_by: str, branch: dashboard.Branch) -> str:
    return urlencode({"group": group_by, "tenant": branch.tenant, "name": branch.name})
