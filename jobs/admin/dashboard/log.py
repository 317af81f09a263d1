"""The newest runs, by how they stand."""

from __future__ import annotations

from typing import Any

from django.db.models import Max

from jobs import narrowing
from jobs.admin.dashboard import links
from jobs.admin.dashboard.viewer import Viewer
from jobs.admin.executions.page import UNSUCCESSFUL
from jobs.models import Execution, Job
from jobs.rules.states import ExecutionStatus

SHOWN = 10
# So far back at most: where nothing fails, a search for failures must not walk a million runs.
REACH = 100_000
CHOICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "": ("All", ()),
    "unsuccessful": ("Failed", UNSUCCESSFUL),
    "running": ("Running", (ExecutionStatus.RUNNING,)),
    "queued": ("Queued", (ExecutionStatus.QUEUED,)),
    "succeeded": ("Succeeded", (ExecutionStatus.SUCCEEDED,)),
}


def build(viewer: Viewer) -> dict[str, Any]:
    chosen = viewer.chosen("status", CHOICES)
    runs = viewer.executions
    if chosen:
        newest = Execution.objects.aggregate(newest=Max("pk"))["newest"] or 0
        runs = runs.filter(pk__gt=newest - REACH)
    found = narrowing.find_executions(runs, statuses=CHOICES[chosen][1]).select_related("template")
    rows: list[Any] = list(found.defer("parameters", "policy", "result")[:SHOWN])
    names = dict(Job.objects.filter(pk__in={row.job_id for row in rows}).values_list("pk", "name"))
    for row in rows:
        row.job_name = names.get(row.job_id) or row.template.title or row.template.name
    return {
        "executions": rows,
        "choices": [(name, title, name == chosen) for name, (title, _) in CHOICES.items()],
        "chosen": chosen,
        "all_url": links.executions(status=chosen),
    }
