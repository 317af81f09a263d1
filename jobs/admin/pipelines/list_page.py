"""The list of pipelines: how the last runs of each went, and how long its longest line takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from accounts import access
from jobs import dependencies
from jobs.admin.charts import sparkline
from jobs.admin.charts.sparkline import Entry, History, Run
from jobs.dependencies import Pipeline, Start
from jobs.models import Dependency

DRAWN = 16
MOST_EDGES = 5_000
# Those that need somebody come first.
ORDER = {state: place for place, state in enumerate(("failed", "running", "queued", "cancelled", "succeeded", ""))}


@dataclass(frozen=True)
class Row:
    pipeline: Pipeline
    starts: Sequence[Start]
    picture: str | SafeString

    @property
    def last(self) -> Start | None:
        return self.starts[0] if self.starts else None

    @property
    def critical_names(self) -> str:
        path, _ = self.pipeline.critical_path
        names = {job.pk: job.name for job in self.pipeline.jobs}
        return " → ".join(names[job_id] for job_id in path)


def respond(request: HttpRequest, site_context: dict[str, Any], edges: Iterable[Dependency]) -> HttpResponse:
    found = dependencies.find_pipelines(list(edges)[:MOST_EDGES])
    starts = dependencies.newest_starts_of_each([[job.pk for job in one.roots] for one in found], most=DRAWN)
    rows = [Row(one, mine, _picture(mine)) for one, mine in zip(found, starts, strict=True)]
    rows.sort(key=lambda row: (ORDER[row.pipeline.state], row.pipeline.name, row.pipeline.key))
    part = request.GET.get("part") == "list"
    context = {
        **({} if part else site_context),
        "title": "Pipelines",
        "opts": Dependency._meta,
        "rows": rows,
        "shows_tenant": access.tenants(request.user).count() > 1,
    }
    template = "jobs/pipelines/list_part.html" if part else "jobs/pipelines/list.html"
    return TemplateResponse(request, template, context)


def _picture(starts: Sequence[Start]) -> str | SafeString:
    runs = [Run(start.id, start.state, _seconds(start), start.finished_at) for start in reversed(starts)]
    return sparkline.draw(History(tuple(Entry(run, is_after_change=False) for run in runs)))


def _seconds(start: Start) -> float | None:
    return (start.finished_at - start.created_at).total_seconds() if start.finished_at else None
