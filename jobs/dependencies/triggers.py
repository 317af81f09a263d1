"""Edges of the kind trigger: the end of an upstream starts the downstream, alone or with others of its flow."""

from __future__ import annotations

from jobs.dependencies import flows
from jobs.dependencies.recording import record
from jobs.dependencies.starting import Contribution, Start, start
from jobs.models import Dependency, Execution, Job, Succession
from jobs.rules.dependency import fits, misfit
from jobs.rules.states import (
    ACTIVE,
    DependencyKind,
    EndCondition,
    ExecutionStatus,
    FanIn,
    SuccessionOutcome,
    Trigger,
)
from scheduler_project.lib import transactions


def answer(dependency_id: int, ended: Execution) -> list[int]:
    """Record what this end means for one edge, and start the downstream if it is time. Returns what was started; the
    second who comes finds the answer there. The lock on the downstream lets one upstream after the other through."""
    with transactions.engine():
        known = Dependency.objects.get(pk=dependency_id)
        downstream = _lock(known.downstream_id)
        edges = _edges_to(downstream)
        edge = next((edge for edge in edges if edge.pk == dependency_id), None)
        if edge is None or Succession.objects.filter(dependency=edge, upstream_execution_id=ended.pk).exists():
            return []
        flow_id, status = flows.flow_of(ended), ExecutionStatus(ended.status)
        if not fits(EndCondition(edge.condition), status):
            text = f"{edge.upstream.name} ended {status.replace('_', ' ')}; the condition is {edge.condition}."
            _refuse(edge, ended, flow_id, misfit(status), text)
            return []
        if len(edges) == 1:
            return _conclude([(edge, ended)], downstream, ended, flow_id)
        if _fan_in(downstream) is FanIn.ANY:
            return _first_of_any(edge, edges, downstream, ended, flow_id)
        return _when_all_are_there(edges, downstream, ended, flow_id, newest=edge)


def settle_waiting(downstream_id: int, flow_id: int) -> tuple[list[int], bool]:
    """Look again at ends that wait for others of their flow: they may be complete since the edges changed, or what is
    missing cannot come any more. Returns what was started, and whether anything was decided."""
    with transactions.engine():
        downstream = _lock(downstream_id)
        waiting = list(
            Succession.objects.filter(
                flow_id=flow_id,
                outcome=SuccessionOutcome.WAITING,
                dependency__downstream=downstream_id,
                dependency__kind=DependencyKind.TRIGGER,
            ).order_by("pk")
        )
        edges = {edge.pk: edge for edge in _edges_to(downstream)}
        ends = {row.upstream_execution_id: row for row in waiting if row.dependency_id in edges}
        for row in waiting:
            if row.dependency_id not in edges:
                _end_waiting(row, "dependency_removed", "The dependency was removed.")
        if not ends:
            return [], bool(waiting)
        ended = Execution.objects.filter(pk__in=[pk for pk in ends if pk]).order_by("-finished_at", "-pk").first()
        if ended is None:
            for row in ends.values():
                _end_waiting(row, "upstream_not_kept", "The execution that it followed is not kept any more.")
            return [], True
        if len(edges) == 1 or _fan_in(downstream) is FanIn.ANY:
            edge = edges[ends[ended.pk].dependency_id]
            return _conclude([(edge, ended)], downstream, ended, flow_id), True
        by, missing = _gather(list(edges.values()), flow_id)
        if not missing:
            return _conclude(by, downstream, ended, flow_id), True
        for edge in missing:
            if not flows.may_come(edge.upstream_id, flow_id):
                reason, message = flows.why_missing(edge.upstream_id, edge.upstream.name, flow_id)
                for row in ends.values():
                    _end_waiting(row, reason, message)
                return [], True
        return [], len(ends) < len(waiting)


def _lock(job_id: int) -> Job:
    found = Job.objects.select_for_update(no_key=True, of=("self",)).select_related("template", "tenant")
    return found.get(pk=job_id)


def _edges_to(downstream: Job) -> list[Dependency]:
    found = Dependency.objects.filter(downstream=downstream, kind=DependencyKind.TRIGGER, removed_at=None)
    return list(found.select_related("upstream").order_by("pk"))


def _fan_in(downstream: Job) -> FanIn:
    try:
        return downstream.policies.fan_in
    except Exception:  # noqa: BLE001  a policy that cannot be read is told of where the job is judged
        return FanIn.ALL


def _first_of_any(
    edge: Dependency, edges: list[Dependency], downstream: Job, ended: Execution, flow_id: int
) -> list[int]:
    """Once in a flow, and again only when the same upstream runs again in it, as in a replay."""
    of_flow = Succession.objects.filter(flow_id=flow_id, dependency__in=edges)
    first = of_flow.filter(outcome=SuccessionOutcome.STARTED).order_by("pk").first()
    is_repeated = of_flow.filter(dependency=edge).exclude(reason__startswith="upstream_").exists()
    if first is not None and not is_repeated:
        text = f"Another upstream had started {downstream.name} in this flow: execution {first.successor_id}."
        _refuse(edge, ended, flow_id, "already_started", text)
        return []
    return _conclude([(edge, ended)], downstream, ended, flow_id)


def _when_all_are_there(
    edges: list[Dependency], downstream: Job, ended: Execution, flow_id: int, *, newest: Dependency
) -> list[int]:
    by, missing = _gather([edge for edge in edges if edge != newest], flow_id)
    if missing:
        names = ", ".join(edge.upstream.name for edge in missing)
        record(
            newest,
            SuccessionOutcome.WAITING,
            upstream_execution_id=ended.pk,
            flow_id=flow_id,
            message=f"Waits for {names}.",
        )
        return []
    return _conclude([(newest, ended), *by], downstream, ended, flow_id)


def _gather(edges: list[Dependency], flow_id: int) -> tuple[list[Contribution], list[Dependency]]:
    """The newest fitting end of each edge's upstream in the flow, and the edges that have none yet."""
    by: list[Contribution] = []
    missing = []
    for edge in edges:
        ends = flows.find_in_flow(flow_id).filter(job_id=edge.upstream_id).exclude(status__in=ACTIVE).order_by("-pk")
        fitting = (end for end in ends if fits(EndCondition(edge.condition), ExecutionStatus(end.status)))
        end = next(fitting, None)
        if end is None:
            missing.append(edge)
        else:
            by.append((edge, end))
    return by, missing


def _conclude(by: list[Contribution], downstream: Job, ended: Execution, flow_id: int) -> list[int]:
    """The outcome is that of every end that took part."""
    begun: Start = start(downstream, by, ended, flow_id=flow_id)
    outcome = SuccessionOutcome.STARTED if begun.execution_id else SuccessionOutcome.NOT_STARTED
    for edge, end in by:
        record(
            edge,
            outcome,
            upstream_execution_id=end.pk,
            flow_id=flow_id,
            successor_id=begun.execution_id,
            reason=begun.reason,
            message=begun.message,
        )
    return [begun.execution_id] if begun.execution_id else []


def _refuse(edge: Dependency, ended: Execution, flow_id: int, reason: str, message: str) -> None:
    record(
        edge,
        SuccessionOutcome.NOT_STARTED,
        upstream_execution_id=ended.pk,
        flow_id=flow_id,
        reason=reason,
        message=message,
    )


def _end_waiting(row: Succession, reason: str, message: str) -> None:
    row.outcome, row.reason, row.message = SuccessionOutcome.NOT_STARTED.value, reason, message[:500]
    row.save(update_fields=["outcome", "reason", "message"])


def counts(execution: Execution) -> bool:
    """Whether its end means anything to successors."""
    return execution.job_id is not None and not execution.dry_run and execution.trigger != Trigger.BACKFILL
