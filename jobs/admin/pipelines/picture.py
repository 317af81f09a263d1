"""Which nodes and edges of a pipeline are drawn: all, or where that would be too many, groups or a neighbourhood."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString

from jobs.admin.charts import dag
from jobs.admin.charts.dag import Line, Node
from jobs.admin.chips import STATES, job_state
from jobs.dependencies import Pipeline
from jobs.models import Dependency, Job
from jobs.rules import graph
from jobs.rules.dag_layout import Layout, lay_out
from jobs.rules.states import BURIED, DependencyKind, EndCondition
from scheduler_project.lib.markup import duration

MOST_NODES = 150
HOPS = 2
TRIGGERED = {EndCondition.SUCCESS: "on success", EndCondition.FAILURE: "on failure", EndCondition.ALWAYS: "on any end"}
GATED = {EndCondition.SUCCESS: "gate", EndCondition.FAILURE: "gate, on failure", EndCondition.ALWAYS: "gate, any end"}
# What keeps a job from running by itself is told rather than how its last run went.
TOLD_FIRST = ("paused", "disabled", "problem", "archived")


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see of a large graph, and the job whose pause is thought through."""

    around: int | None = None
    group: str = ""
    paused: int | None = None
    stopped: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Picture:
    nodes: Sequence[Node]
    lines: Sequence[Line]
    layout: Layout
    is_collapsed: bool = False
    left_out: int = 0

    @property
    def words(self) -> str:
        what = "groups of jobs" if self.is_collapsed else "jobs"
        edges = "1 dependency" if len(self.lines) == 1 else f"{len(self.lines)} dependencies"
        return f"{len(self.nodes)} {what} and {edges}, from left to right"


def state_of(pipeline: Pipeline, job: Job) -> tuple[str, str, str]:
    """The word, tone and shape of a job in a pipeline."""
    state = job_state(job)
    if state not in TOLD_FIRST:
        state = pipeline.state_of(job)
    return STATES[state] if state else ("Never ran", "quiet", "dots")


def node_of(pipeline: Pipeline, job: Job, wish: Wish, *, critical: Collection[int]) -> Node:
    word, tone, shape = state_of(pipeline, job)
    usual = pipeline.usual_seconds.get(job.pk)
    return Node(
        id=job.pk,
        name=job.name,
        url=reverse("admin:jobs_job_page", args=[job.pk]),
        word="Would stop" if job.pk in wish.stopped else word,
        tone="warn" if job.pk in wish.stopped else tone,
        shape="stop" if job.pk in wish.stopped else shape,
        detail="" if usual is None or job.pk in wish.stopped else f"≈ {duration(usual)}",
        is_critical=job.pk in critical,
        is_stopped=job.pk in wish.stopped,
        is_chosen=job.pk in (wish.around, wish.paused),
    )


def line_of(edge: Dependency, *, critical: Collection[graph.Edge]) -> Line:
    condition, is_gate = EndCondition(edge.condition), edge.kind == DependencyKind.GATE
    return Line(
        edge.upstream_id,
        edge.downstream_id,
        (GATED if is_gate else TRIGGERED)[condition],
        is_gate=is_gate,
        is_ordinary=condition is EndCondition.SUCCESS,
        is_critical=(edge.upstream_id, edge.downstream_id) in critical,
    )


def picture_of(pipeline: Pipeline, wish: Wish) -> Picture:
    if len(pipeline.jobs) > MOST_NODES and wish.around is None and not wish.group:
        return _collapsed(pipeline)
    wanted = _wanted(pipeline, wish)
    path = pipeline.critical_path[0]
    jobs = [job for job in pipeline.jobs if job.pk in wanted]
    critical = set(pairwise(path))
    edges = [edge for edge in pipeline.edges if edge.upstream_id in wanted and edge.downstream_id in wanted]
    return Picture(
        [node_of(pipeline, job, wish, critical=path) for job in jobs],
        [line_of(edge, critical=critical) for edge in edges],
        lay_out([job.pk for job in jobs], [(edge.upstream_id, edge.downstream_id) for edge in edges]),
        left_out=len(pipeline.jobs) - len(jobs),
    )


def _wanted(pipeline: Pipeline, wish: Wish) -> set[int]:
    """The nearest ones where even these are too many."""
    if wish.around is not None:
        nearest = graph.near(wish.around, pipeline.pairs, hops=1)
        wanted = graph.near(wish.around, pipeline.pairs, hops=HOPS)
    elif wish.group:
        nearest = set(groups_of(pipeline).get(wish.group, ()))
        wanted = nearest | {one for pair in pipeline.pairs if nearest & set(pair) for one in pair}
    else:
        return {job.pk for job in pipeline.jobs}
    if len(wanted) <= MOST_NODES:
        return wanted
    first = [wish.around] if wish.around is not None else []
    others = [job.pk for job in pipeline.jobs if job.pk in nearest] + [job.pk for job in pipeline.jobs]
    return set(list(dict.fromkeys([*first, *(one for one in others if one in wanted)]))[:MOST_NODES])


def groups_of(pipeline: Pipeline) -> Mapping[str, Sequence[int]]:
    """By their first tags; by their steps when most have none."""
    found: dict[str, list[int]] = defaultdict(list)
    is_tagged = sum(bool(job.tags) for job in pipeline.jobs) * 2 > len(pipeline.jobs)
    for job in pipeline.jobs:
        name = (job.tags[0] if job.tags else "without a tag") if is_tagged else f"step {pipeline.level[job.pk] + 1}"
        found[name].append(job.pk)
    return found


def _collapsed(pipeline: Pipeline) -> Picture:
    groups = groups_of(pipeline)
    names = sorted(groups, key=lambda name: sum(pipeline.level[one] for one in groups[name]) / len(groups[name]))
    number = {name: index for index, name in enumerate(names, start=1)}
    group_of = {job_id: number[name] for name, ids in groups.items() for job_id in ids}
    counts = Counter((group_of[one], group_of[other]) for one, other in pipeline.pairs)
    between = {pair: count for pair, count in counts.items() if pair[0] != pair[1]}
    page = reverse("admin:jobs_pipeline", args=[pipeline.key])
    states = {job.pk: pipeline.state_of(job) for job in pipeline.jobs}
    nodes = [_group(name, number[name], [states[one] for one in groups[name]], page) for name in names]
    lines = [Line(one, other, f"{count} edge{'s' if count > 1 else ''}") for (one, other), count in between.items()]
    forwards = [pair for pair in between if pair[0] < pair[1]]  # groups may stand in a circle, the layout may not
    return Picture(nodes, lines, lay_out(list(number.values()), forwards), is_collapsed=True)


def _group(name: str, number: int, states: Sequence[str], page: str) -> Node:
    failed = sum(state in BURIED for state in states)
    runs = sum(state in ("running", "queued") for state in states)
    state = "failed" if failed else "running" if runs else "succeeded" if "succeeded" in states else ""
    word, tone, shape = STATES[state] if state else ("Never ran", "quiet", "dots")
    return Node(
        id=number,
        name=f"{name} ({len(states)} jobs)",
        url=f"{page}?{urlencode({'view': 'graph', 'group': name})}",
        word=f"{failed} failed" if failed else f"{runs} running" if runs else word,
        tone=tone,
        shape=shape,
    )


def drawn(picture: Picture) -> SafeString:
    return dag.draw(picture.nodes, picture.lines, picture.layout, words=picture.words)
