"""Explains what jobs have to do with each other: what a run waits for, where it came from, what came of its end."""

from __future__ import annotations

from datetime import datetime

from jobs import dependencies
from jobs.dependencies import Successor
from jobs.explain.steps import Block, Section, Step
from jobs.explain.wording import instant
from jobs.models import Dependency, Execution, Job, Succession, Tick
from jobs.rules.dependency import GateState
from jobs.rules.states import FIRING, DependencyKind, HeldFor, SuccessionOutcome

REASONS = {
    "upstream_failed": "the upstream failed",
    "upstream_succeeded": "the upstream succeeded, and its failure was waited for",
    "upstream_cancelled": "the upstream was cancelled",
    "upstream_skipped": "the upstream's tick of the same instant ran nothing",
    "upstream_missed": "the upstream missed its tick of the same instant",
    "upstream_no_tick": "the upstream has no tick at that instant",
    "upstream_too_late": "the upstream had not ended when the gate's patience did",
}


def upstreams_have_ended(execution: Execution, *, now: datetime, zone: str) -> Block | str:
    """The condition of a claim: no gate holds the run."""
    if execution.held_for != HeldFor.UPSTREAM:
        return "It waits for no other job."
    pending = [gate for gate in dependencies.look_at_gates(execution.pk, now=now) if gate.state is not GateState.OPEN]
    if not pending:
        return Block("The jobs that it waited for have ended; it is let go within a second or two.", reason="upstream")
    first = pending[0]
    which = f", execution {first.execution_id}, which is {first.status}" if first.execution_id else ""
    others = f" And for {', '.join(gate.name for gate in pending[1:])}." if pending[1:] else ""
    until = instant(first.gives_up_at, zone)
    text = f"It waits for the same tick of {first.name}{which}; at {until} it gives up and is cancelled.{others}"
    return Block(text, reason="upstream", clears_at=first.gives_up_at, execution_id=first.execution_id)


def came_from(execution: Execution) -> tuple[Step, ...]:
    """The ends that it followed."""
    return tuple(_came_from(one) for one in dependencies.started_by(execution.pk))


def _came_from(one: Successor) -> Step:
    row = one.succession
    upstream = row.dependency.upstream.name
    which = f", execution {row.upstream_execution_id}" if row.upstream_execution_id else ""
    how = "It waited for the same tick of" if row.dependency.kind == DependencyKind.GATE else "It follows"
    told = f" {row.message}" if row.message else ""
    return Step(
        "upstream",
        upstream,
        "blocked" if row.outcome == SuccessionOutcome.NOT_STARTED else "noted",
        f"{how} {upstream}{which}.{told}",
        reason=row.reason,
        since=row.decided_at,
        execution_id=row.upstream_execution_id,
    )


def came_of(execution: Execution) -> tuple[Section, ...]:
    """What its end meant for each job that follows its job."""
    found = dependencies.successors_of(execution.pk)
    if not found:
        return ()
    return (Section("What followed", tuple(_came_of(one.succession) for one in found)),)


def _came_of(row: Succession) -> Step:
    downstream = row.dependency.downstream.name
    if row.outcome == SuccessionOutcome.STARTED:
        text = f"It started execution {row.successor_id} of {downstream}."
        if row.dependency.kind == DependencyKind.GATE:
            text = f"It let execution {row.successor_id} of {downstream} go."
    elif row.outcome == SuccessionOutcome.WAITING:
        text = f"{downstream} has not started yet. {row.message}"
    else:
        text = f"{downstream} was not started ({row.reason}). {row.message}".rstrip()
    return Step(
        "downstream",
        downstream,
        "blocked" if row.outcome == SuccessionOutcome.NOT_STARTED else "noted",
        text,
        outcome=row.outcome,
        reason=row.reason,
        since=row.decided_at,
        execution_id=row.successor_id,
    )


def of_job(job: Job) -> tuple[Section, ...]:
    """What the newest ends of its upstreams came to, and what its upstreams' newest ticks mean that ran nothing."""
    upstream, _ = dependencies.edges_of(job.pk)
    if not upstream:
        return ()
    zone = job.spec.get("timezone", "UTC")
    return (Section("Jobs that it follows", tuple(_edge(edge, zone) for edge in upstream)),)


def _edge(edge: Dependency, zone: str) -> Step:
    name, condition = edge.upstream.name, edge.condition
    row = Succession.objects.filter(dependency=edge).order_by("-pk").first()
    tick = Tick.objects.filter(job_id=edge.upstream_id).order_by("-due_at").first()
    if tick is not None and tick.outcome not in FIRING and (row is None or tick.decided_at > row.decided_at):
        ran_nothing = f"The newest tick of {name}, of {instant(tick.due_at, zone)}, ran nothing: {tick.outcome}"
        return Step(
            "upstream",
            name,
            "blocked",
            f"{ran_nothing} ({tick.reason}). So nothing followed it.",
            outcome=tick.outcome,
            reason=tick.reason,
            since=tick.decided_at,
        )
    if row is None:
        text = f"{name} has not ended since {edge.created_by} made the dependency at {instant(edge.created_at, zone)}."
        return Step("upstream", name, "noted", f"{text} What counts is {condition}.")
    step = _came_of(row)
    return Step(
        "upstream",
        name,
        step.state,
        f"After execution {row.upstream_execution_id} of {name}: {step.text}"
        if row.upstream_execution_id
        else step.text,
        outcome=row.outcome,
        reason=row.reason,
        since=row.decided_at,
        execution_id=row.upstream_execution_id,
    )


def of_tick(tick: Tick) -> tuple[Section, ...]:
    """What it means for those behind that a tick ran nothing; nobody writes a row for each of them."""
    _, downstream = dependencies.edges_of(tick.job_id)
    if not downstream or tick.outcome in FIRING:
        return ()
    return (Section("Jobs that follow it", tuple(_behind(edge, tick) for edge in downstream)),)


def _behind(edge: Dependency, tick: Tick) -> Step:
    name = edge.downstream.name
    if edge.kind == DependencyKind.TRIGGER:
        text = f"{name} was not started by this tick: there was no run whose end could start it."
        return Step("downstream", name, "noted", text, reason="upstream_skipped")
    held = Execution.objects.filter(job_id=edge.downstream_id, scheduled_for=tick.due_at, trigger="schedule").first()
    if held is None:
        return Step("downstream", name, "noted", f"{name} had fired no run at that instant that could wait.")
    why = REASONS.get(held.reason, held.reason.replace("_", " "))
    text = f"Execution {held.pk} of {name} waited for it, and is {held.status}" + (f": {why}." if why else ".")
    return Step("downstream", name, "noted", text, reason=held.reason, execution_id=held.pk)
