"""Pipelines: the jobs of a tenant that hang together by dependencies, two at least."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from jobs.forecast.durations import median_seconds
from jobs.models import Dependency, Job
from jobs.rules import graph
from jobs.rules.states import ACTIVE, BURIED, DependencyKind, FanIn
from scheduler_project.lib import sql

NAMED_ROOTS = 2
RUNNING = """
SELECT job_id, bool_or(status = 'running') AS runs, count(*) AS count FROM job_executions
WHERE job_id = ANY(%(jobs)s::bigint[]) AND status IN ('queued', 'running') AND NOT dry_run GROUP BY job_id
"""


@dataclass(frozen=True)
class Pipeline:
    """`jobs` in an order in which each comes after those that it follows."""

    jobs: Sequence[Job]
    level: Mapping[int, int]
    edges: Sequence[Dependency]
    usual_seconds: Mapping[int, float] = field(default_factory=dict)
    active: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def pairs(self) -> list[graph.Edge]:
        return [(edge.upstream_id, edge.downstream_id) for edge in self.edges]

    @cached_property
    def roots(self) -> list[Job]:
        return [job for job in self.jobs if not self.level[job.pk]]

    @property
    def key(self) -> int:
        """One of its jobs, which stands for it in addresses."""
        return self.roots[0].pk

    @property
    def name(self) -> str:
        """After the jobs that it begins with."""
        names = [job.name for job in self.roots]
        more = f" and {len(names) - NAMED_ROOTS} more" if len(names) > NAMED_ROOTS else ""
        return ", ".join(names[:NAMED_ROOTS]) + more

    @cached_property
    def critical_path(self) -> tuple[list[int], float]:
        """The line of jobs that takes longest, as their runs usually do, and how long. A job of which nothing is known
        counts nothing."""
        return graph.longest_path(self.usual_seconds, self.pairs)

    def state_of(self, job: Job) -> str:
        """Of its run, if one waits or runs, else of its last; empty when it never ran."""
        return self.active.get(job.pk) or ("" if job.last_status in ACTIVE else job.last_status)

    @cached_property
    def states(self) -> list[str]:
        return [self.state_of(job) for job in self.jobs]

    @property
    def state(self) -> str:
        """The worst of its jobs that somebody should look at, else what goes on, else the ordinary."""
        for found, word in (
            (any(state in BURIED for state in self.states), "failed"),
            ("running" in self.states, "running"),
            ("queued" in self.states, "queued"),
            ("succeeded" in self.states, "succeeded"),
            ("cancelled" in self.states, "cancelled"),
        ):
            if found:
                return word
        return ""

    @property
    def held_back(self) -> int:
        """Jobs that are paused, disabled or in quarantine."""
        return sum(bool(job.paused_at or not job.is_enabled or job.problem) for job in self.jobs)

    def job(self, job_id: int) -> Job | None:
        return next((job for job in self.jobs if job.pk == job_id), None)

    def successors(self, job_id: int) -> set[int]:
        """Whom the end of the job may start, directly or by others."""
        return graph.behind([job_id], self._pairs_of(DependencyKind.TRIGGER))

    def _pairs_of(self, kind: DependencyKind) -> list[graph.Edge]:
        return [(edge.upstream_id, edge.downstream_id) for edge in self.edges if edge.kind == kind]


def find_pipelines(edges: Iterable[Dependency]) -> list[Pipeline]:
    """Of these edges, with what is known of their jobs' runs, by name."""
    standing = list(edges)
    parts = graph.components((edge.upstream_id, edge.downstream_id) for edge in standing)
    number = {job_id: index for index, part in enumerate(parts) for job_id in part}
    of_part: list[list[Dependency]] = [[] for _ in parts]
    for edge in standing:
        of_part[number[edge.upstream_id]].append(edge)
    usual, active = median_seconds(number), _active(number)
    found = [_pipeline(mine, usual, active) for mine in of_part]
    return sorted(found, key=lambda pipeline: (pipeline.name, pipeline.key))


def find_pipeline(edges: Iterable[Dependency], job_id: int) -> Pipeline | None:
    """The one that the job is part of."""
    standing = list(edges)
    pairs = [(edge.upstream_id, edge.downstream_id) for edge in standing]
    part = next((part for part in graph.components(pairs) if job_id in part), None)
    if part is None:
        return None
    return _pipeline([edge for edge in standing if edge.upstream_id in part], median_seconds(part), _active(part))


def as_one(edges: Iterable[Dependency]) -> Pipeline:
    """All of these edges, whether they hang together or not."""
    standing = list(edges)
    jobs = {job_id for edge in standing for job_id in (edge.upstream_id, edge.downstream_id)}
    return _pipeline(standing, median_seconds(jobs), _active(jobs))


def _pipeline(edges: Sequence[Dependency], usual: Mapping[int, float], active: Mapping[int, str]) -> Pipeline:
    jobs = {job.pk: job for edge in edges for job in (edge.upstream, edge.downstream)}
    level = graph.levels(jobs, [(edge.upstream_id, edge.downstream_id) for edge in edges])
    ordered = sorted(jobs.values(), key=lambda job: (level[job.pk], job.name, job.pk))
    return Pipeline(
        ordered,
        level,
        edges,
        {job_id: seconds for job_id, seconds in usual.items() if job_id in jobs},
        {job_id: state for job_id, state in active.items() if job_id in jobs},
    )


def _active(job_ids: Iterable[int]) -> dict[int, str]:
    found = sql.rows(RUNNING, {"jobs": list(job_ids)})
    return {row["job_id"]: "running" if row["runs"] else "queued" for row in found}


@dataclass(frozen=True)
class Following:
    """A job behind another that is run by hand, and what else it needs that does not run with it."""

    job: Job
    edges: tuple[Dependency, ...]
    missing: tuple[Job, ...]


def following(pipeline: Pipeline, job_id: int) -> list[Following]:
    """What one run of the job leads to when everything ends as the dependencies ask for."""
    reached, found = {job_id}, []
    for job in pipeline.jobs:
        triggers = [e for e in pipeline.edges if e.downstream_id == job.pk and e.kind == DependencyKind.TRIGGER]
        mine = [edge for edge in triggers if edge.upstream_id in reached]
        if job.pk == job_id or not mine:
            continue
        needs_all = job.policies.fan_in is FanIn.ALL
        missing = tuple(edge.upstream for edge in triggers if edge not in mine) if needs_all else ()
        found.append(Following(job, tuple(mine), missing))
        if not missing:
            reached.add(job.pk)
    return found


@dataclass(frozen=True)
class Stopped:
    """What a job that does not run any more keeps from running: `stopped` not at all by itself, `less` only by their
    own schedules."""

    stopped: tuple[Job, ...]
    less: tuple[Job, ...]


def stopped_with(job_id: int, edges: Iterable[Dependency]) -> Stopped:
    """As if the job itself were paused: its downstreams stop when they have no schedule of their own and no other way
    to be started, or when their ticks wait for those of a job that stops."""
    standing = sorted(edges, key=lambda edge: edge.pk)
    pairs = [(edge.upstream_id, edge.downstream_id) for edge in standing]
    level = graph.levels({job for pair in pairs for job in pair}, pairs)
    ups: dict[int, list[Dependency]] = {}
    for edge in standing:
        ups.setdefault(edge.downstream_id, []).append(edge)
    stopped, less = {job_id}, set()
    jobs = {edge.downstream_id: edge.downstream for edge in standing}
    for downstream in sorted(ups, key=lambda one: (level[one], one)):
        if downstream == job_id:
            continue
        lost = [edge for edge in ups[downstream] if edge.upstream_id in stopped]
        if not lost:
            continue
        triggers = [edge for edge in ups[downstream] if edge.kind == DependencyKind.TRIGGER]
        lost_triggers = [edge for edge in lost if edge.kind == DependencyKind.TRIGGER]
        needs_all = jobs[downstream].policies.fan_in is FanIn.ALL
        is_started = bool(triggers) and (not lost_triggers if needs_all else len(lost_triggers) < len(triggers))
        has_ticks = jobs[downstream].spec.get("kind") != "manual" and len(lost) == len(lost_triggers)
        if is_started and len(lost) == len(lost_triggers):
            continue  # another upstream starts it as ever
        if is_started or has_ticks:
            less.add(downstream)
        else:
            stopped.add(downstream)

    def named(ids: set[int]) -> tuple[Job, ...]:
        return tuple(sorted((jobs[one] for one in ids if one in jobs), key=lambda job: (level[job.pk], job.name)))

    return Stopped(named(stopped - {job_id}), named(less))
