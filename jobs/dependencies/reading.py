"""What is known of edges and of what came of them, for people who look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from jobs.models import Dependency, Execution, Job, Succession
from jobs.rules import graph


@dataclass(frozen=True)
class Successor:
    """One edge of an execution's job and what came of this execution for it."""

    succession: Succession
    execution: Execution | None


@dataclass(frozen=True)
class Graph:
    """The jobs of a tenant that have edges, each with its level behind the first ones, and the edges."""

    jobs: Sequence[tuple[Job, int]]
    edges: Sequence[Dependency]


def edges() -> QuerySet[Dependency]:
    """Those that stand."""
    return Dependency.objects.filter(removed_at=None).select_related("upstream", "downstream", "tenant").order_by("id")


def edges_of(job_id: int) -> tuple[list[Dependency], list[Dependency]]:
    """To its upstreams and to its downstreams."""
    found = list(edges().filter(Q(upstream=job_id) | Q(downstream=job_id)))
    return [e for e in found if e.downstream_id == job_id], [e for e in found if e.upstream_id == job_id]


def graph_of(found: Iterable[Dependency]) -> Graph:
    """Of these edges, which hold no loop."""
    standing = list(found)
    jobs: dict[int, Job] = {}
    for edge in standing:
        jobs[edge.upstream_id], jobs[edge.downstream_id] = edge.upstream, edge.downstream
    level = graph.levels(jobs, [(edge.upstream_id, edge.downstream_id) for edge in standing])
    ordered = sorted(jobs.values(), key=lambda job: (level[job.pk], job.name, job.pk))
    return Graph([(job, level[job.pk]) for job in ordered], standing)


def successors_of(execution_id: int) -> list[Successor]:
    """What the end of this execution came to, edge by edge; of gates, those that it was waited for at."""
    return _with_executions(Succession.objects.filter(upstream_execution_id=execution_id), "successor_id")


def started_by(execution_id: int) -> list[Successor]:
    """The ends of other executions that this one waited for; each with that execution."""
    return _with_executions(Succession.objects.filter(successor_id=execution_id), "upstream_execution_id")


def _with_executions(found: QuerySet[Succession], which: str) -> list[Successor]:
    rows = list(found.select_related("dependency__upstream", "dependency__downstream").order_by("dependency_id", "pk"))
    ids: dict[int, list[Succession]] = defaultdict(list)
    for row in rows:
        if getattr(row, which) is not None:
            ids[getattr(row, which)].append(row)
    known = Execution.objects.select_related("job").defer("parameters", "policy", "result").in_bulk(list(ids))
    return [Successor(row, known.get(getattr(row, which))) for row in rows]
