"""The page of one pipeline: its graph, the same as a table, and its runs on a time axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from accounts import access
from accounts.scopes import Scope
from jobs import dependencies
from jobs.admin.charts import dag
from jobs.admin.pipelines import picture, waterfall
from jobs.admin.pipelines.picture import Wish
from jobs.dependencies import Pipeline
from jobs.impact import following
from jobs.models import Dependency, Job
from scheduler_project.lib import markup, sql
from scheduler_project.lib.input import number_of

VIEWS = (("graph", "Graph"), ("table", "Table"), ("runs", "Runs"))
# Without a wish both are there, and the width of the page decides which one shows.
EITHER = "either"


@dataclass(frozen=True)
class Row:
    """A job in the table."""

    job: Job
    step: int
    chip: SafeString
    usual: float | None
    upstream: list[Dependency]
    is_critical: bool
    is_stopped: bool


def respond(request: HttpRequest, site_context: dict[str, Any], pipeline: Pipeline) -> HttpResponse:
    wanted = request.GET.get("view", "")
    view = wanted if wanted in dict(VIEWS) else "runs" if request.GET.get("run") else EITHER
    wish = wish_of(request, pipeline)
    paused = pipeline.job(wish.paused) if wish.paused else None
    drawn = picture.picture_of(pipeline, wish) if view in ("graph", EITHER) else None
    part = request.GET.get("part", "")
    path, seconds = pipeline.critical_path
    names = {job.pk: job for job in pipeline.jobs}
    tenant_id = pipeline.jobs[0].tenant_id
    context = {
        **({} if part else site_context),
        "title": pipeline.name,
        "subtitle": "Pipeline",
        "opts": Dependency._meta,
        "pipeline": pipeline,
        "view": view,
        "views": VIEWS,
        "wish": wish,
        "picture": drawn,
        "dag": picture.drawn(drawn) if drawn else "",
        "rows": _rows(pipeline, wish) if view in ("table", EITHER) else [],
        "critical": [names[job_id] for job_id in path],
        "critical_seconds": seconds,
        "paused": paused,
        "notes": list(following.told(paused, _stopped(pipeline, paused))) if paused else [],
        "may_run": access.may(request.user, Scope.SCHEDULER_RUN, tenant_id),
        "may_edit": access.may(request.user, Scope.SCHEDULER_WRITE, tenant_id),
        "live_url": _address(request),
        **(waterfall.facts(request, pipeline, now=sql.now()) if view == "runs" else {}),
    }
    template = {"table": "jobs/pipelines/table.html", "run": "jobs/pipelines/run.html"}.get(
        part, "jobs/pipelines/page.html"
    )
    return TemplateResponse(request, template, context)


def nodes(request: HttpRequest, pipeline: Pipeline) -> HttpResponse:
    """As they are now, to be put in the places of what is shown; those of `ids`, or all."""
    asked = {number_of(one) for one in request.GET.get("ids", "").split(",")} - {None}
    shown = picture.picture_of(pipeline, wish_of(request, pipeline)).nodes
    wanted = [node for node in shown if not asked or node.id in asked]
    answer = f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(map(dag.draw_node, wanted))}</svg>'
    return HttpResponse(answer, content_type="image/svg+xml", headers={"Cache-Control": "no-store"})


def wish_of(request: HttpRequest, pipeline: Pipeline) -> Wish:
    around, paused = number_of(request.GET.get("around", "")), number_of(request.GET.get("pause", ""))
    group = request.GET.get("group", "")[:100]
    job = pipeline.job(paused) if paused else None
    return Wish(
        around=around if around and pipeline.job(around) else None,
        group=group if group in picture.groups_of(pipeline) else "",
        paused=job.pk if job else None,
        stopped=frozenset(one.pk for one in _stopped(pipeline, job).stopped) if job else frozenset(),
    )


def _stopped(pipeline: Pipeline, job: Job) -> dependencies.Stopped:
    return dependencies.stopped_with(job.pk, pipeline.edges)


def _rows(pipeline: Pipeline, wish: Wish) -> list[Row]:
    path = set(pipeline.critical_path[0])
    upstream: dict[int, list[Dependency]] = {}
    for edge in pipeline.edges:
        upstream.setdefault(edge.downstream_id, []).append(edge)
    rows = []
    for job in pipeline.jobs:
        word, tone, shape = picture.state_of(pipeline, job)
        rows.append(
            Row(
                job,
                pipeline.level[job.pk] + 1,
                markup.chip(word, tone=tone, shape=shape),
                pipeline.usual_seconds.get(job.pk),
                upstream.get(job.pk, []),
                job.pk in path,
                job.pk in wish.stopped,
            )
        )
    return rows


def _address(request: HttpRequest) -> str:
    asked = request.GET.copy()
    asked.pop("part", None)
    query = asked.urlencode()
    return f"{request.path}?{query}{'&' if query else ''}part="
