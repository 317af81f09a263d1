"""Adding, changing and removing edges between jobs; each is a change of the downstream, and in its revisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import Tenant
from jobs import ledger, revisions, trail
from jobs.definition import Definition, InvalidJob
from jobs.models import Dependency, Job
from jobs.rules import graph, pointer
from jobs.rules.dependency import DEFAULT_PATIENCE, LONGEST_PATIENCE
from jobs.rules.states import DependencyKind, EndCondition
from scheduler_project.lib import sql, transactions
from scheduler_project.lib.input import InvalidInput
from templates_registry import registry as templates

MOST_PARAMETERS = 50
MOST_UPSTREAMS = 100
FIELDS = ("kind", "condition", "parameters", "gate_patience_seconds")
WORDS = {EndCondition.SUCCESS: "success", EndCondition.FAILURE: "failure", EndCondition.ALWAYS: "any end"}

Problems = dict[str, list[str]]


class InvalidDependency(InvalidInput):
    """Input that is no dependency; `fields` has the messages by name."""


class DependencyIsGone(Exception):
    """Somebody has removed it."""


@dataclass(frozen=True)
class _Edge:
    """What somebody decides about an edge, besides its ends."""

    kind: DependencyKind
    condition: EndCondition
    parameters: dict[str, str]
    gate_patience_seconds: int | None


def add(upstream_id: int, downstream_id: int, data: Mapping[str, Any], *, actor: str) -> Dependency:
    """Let one job follow another of the same tenant. Raises `InvalidDependency`, `JobIsArchived`, `StillCatchingUp`."""
    if upstream_id == downstream_id:
        raise InvalidDependency({"upstream": ["A job cannot follow itself; name another one."]})
    with _changing(downstream_id, upstream_id) as (downstream, upstream, now):
        if upstream is None or upstream.tenant_id != downstream.tenant_id:
            raise InvalidDependency({"upstream": [f"{downstream.tenant.name} has no such job."]})
        if upstream.archived_at is not None:
            raise InvalidDependency({"upstream": [f"{upstream.name} is archived and never runs again."]})
        wanted = _read(data, upstream, downstream)
        standing = Dependency.objects.filter(downstream=downstream, removed_at=None)
        if standing.filter(upstream=upstream).exists():
            raise InvalidDependency(
                {"upstream": [f"{downstream.name} follows {upstream.name} already; change that dependency."]}
            )
        if standing.count() >= MOST_UPSTREAMS:
            raise InvalidDependency({"upstream": [f"{downstream.name} has {MOST_UPSTREAMS} upstreams, the most."]})
        _refuse_loop(upstream, downstream)
        edge = Dependency.objects.create(
            tenant=downstream.tenant,
            upstream=upstream,
            downstream=downstream,
            created_at=now,
            created_by=actor,
            **vars(wanted),
        )
        _write(downstream, f"Added a dependency: {_in_words(edge)}.", actor=actor, now=now)
        _tell("dependency.added", edge, actor, after=vars(wanted))
        Job.objects.filter(pk=upstream.pk).update(has_successors=True)
        return edge


def change(dependency_id: int, data: Mapping[str, Any], *, actor: str) -> Dependency:
    """Change what `data` names of an edge; its ends stay. Raises as `add` does, and `DependencyIsGone`."""
    known = Dependency.objects.get(pk=dependency_id)
    with _changing(known.downstream_id, known.upstream_id) as (downstream, upstream, now):
        edge = _standing(dependency_id)
        assert upstream is not None
        wanted = _read({**{name: getattr(edge, name) for name in FIELDS}, **data}, upstream, downstream, before=edge)
        if all(getattr(edge, name) == value for name, value in vars(wanted).items()):
            return edge
        before, old = _in_words(edge), {name: getattr(edge, name) for name in FIELDS}
        for name, value in vars(wanted).items():
            setattr(edge, name, value)
        edge.updated_at = now
        edge.save()
        _write(downstream, f"Changed a dependency: {_in_words(edge)}; before: {before}.", actor=actor, now=now)
        _tell("dependency.changed", edge, actor, before=old, after=vars(wanted))
        return edge


def remove(dependency_id: int, *, actor: str) -> None:
    """From now on the downstream goes on without it; what it held back is looked at again within a second or two.
    Raises `DependencyIsGone`, `JobIsArchived`, `StillCatchingUp`."""
    known = Dependency.objects.get(pk=dependency_id)
    with _changing(known.downstream_id, known.upstream_id) as (downstream, _, now):
        edge = _standing(dependency_id)
        edge.removed_at, edge.removed_by = now, actor
        edge.save(update_fields=["removed_at", "removed_by"])
        _write(downstream, f"Removed a dependency: {_in_words(edge)}.", actor=actor, now=now)
        _tell("dependency.removed", edge, actor, before={name: getattr(edge, name) for name in FIELDS})
        is_followed = Dependency.objects.filter(upstream=edge.upstream_id, removed_at=None).exists()
        Job.objects.filter(pk=edge.upstream_id).update(has_successors=is_followed)


@contextmanager
def _changing(downstream_id: int, upstream_id: int) -> Iterator[tuple[Job, Job | None, datetime]]:
    """Both jobs, locked. One change of the edges of a tenant at a time, or two made at once could close a loop."""
    with transactions.engine():
        tenant_id = Job.objects.values_list("tenant_id", flat=True).get(pk=downstream_id)
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
        both = Job.objects.filter(pk__in=[downstream_id, upstream_id]).select_related("template")
        locked = {job.pk: job for job in both.select_for_update(no_key=True, of=("self",)).order_by("pk")}
        with revisions.changing(downstream_id) as (downstream, _):
            # Read when this transaction has its number, so that readers of the events cannot have passed it by.
            yield downstream, locked.get(upstream_id), sql.now()


def _standing(dependency_id: int) -> Dependency:
    edge = Dependency.objects.select_related("upstream", "downstream").get(pk=dependency_id)
    if edge.removed_at is not None:
        raise DependencyIsGone(f"{edge.removed_by} removed this dependency.")
    return edge


def _write(downstream: Job, note: str, *, actor: str, now: datetime) -> None:
    """What is due up to now is decided as the edges stood; then the revision says what is new."""
    try:
        definition = Definition.of(downstream)
    except (ValueError, TypeError) as error:
        raise InvalidJob({"schedule": [f"The stored one cannot be understood ({error}); write another."]}) from error
    ledger.decide_job(downstream, now=now)
    gates = Dependency.objects.filter(downstream=downstream, kind=DependencyKind.GATE, removed_at=None)
    downstream.has_gates = gates.exists()
    revisions.write(downstream, definition, change="changed", actor=actor, now=now, note=note[:500])


def _tell(action: str, edge: Dependency, actor: str, **states: Any) -> None:
    trail.tell(action, edge, actor=actor, name=f"{edge.upstream.name} → {edge.downstream.name}", **states)


def _in_words(edge: Dependency) -> str:
    end = WORDS[EndCondition(edge.condition)]
    if edge.kind == DependencyKind.GATE:
        return (
            f"its ticks wait for the same tick of {edge.upstream.name} ({end}, at most {edge.gate_patience_seconds} s)"
        )
    taken = f", taking {', '.join(edge.parameters)} from its result" if edge.parameters else ""
    return f"started by {end} of {edge.upstream.name}{taken}"


def _refuse_loop(upstream: Job, downstream: Job) -> None:
    edges = list(
        Dependency.objects.filter(tenant=downstream.tenant_id, removed_at=None).values_list(
            "upstream_id", "downstream_id"
        )
    )
    loop = graph.find_loop([*edges, (upstream.pk, downstream.pk)])
    if loop:
        names = dict(Job.objects.filter(pk__in=loop).values_list("pk", "name"))
        raise InvalidDependency(
            {"upstream": [f"That would close a loop: {' → '.join(names[job_id] for job_id in loop)}. Leave one out."]}
        )


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(data: Mapping[str, Any], upstream: Job, downstream: Job, *, before: Dependency | None = None) -> _Edge:
    problems: Problems = {}
    for name in data:
        if name not in FIELDS:
            problems[name] = [f"Unknown field. Known are {', '.join(FIELDS)}."]
    kind, condition = data.get("kind", DependencyKind.TRIGGER), data.get("condition", EndCondition.SUCCESS)
    if kind not in list(DependencyKind):
        problems["kind"] = [f"Write one of {', '.join(DependencyKind)}."]
    elif before is not None and kind != before.kind:
        problems["kind"] = ["Stays as it is; remove this dependency and add another."]
    if condition not in list(EndCondition):
        problems["condition"] = [f"Write one of {', '.join(EndCondition)}."]
    is_gate = kind == DependencyKind.GATE
    parameters, patience = data.get("parameters", {}), data.get("gate_patience_seconds")
    if messages := _problems_of_parameters(parameters, downstream, is_gate=is_gate):
        problems["parameters"] = messages
    if is_gate and patience is None:
        patience = DEFAULT_PATIENCE
    if message := _problem_of_patience(patience, is_gate=is_gate):
        problems["gate_patience_seconds"] = [message]
    if is_gate:
        for job, place in ((upstream, "upstream"), (downstream, "kind")):
            if job.spec.get("kind") == "manual":
                problems[place] = [f"{job.name} has no schedule, so it has no ticks to wait for each other."]
    if problems:
        raise InvalidDependency(problems)
    return _Edge(DependencyKind(kind), EndCondition(condition), dict(parameters), patience)


def _problem_of_patience(patience: object, *, is_gate: bool) -> str:
    if not is_gate:
        return "" if patience is None else "Only gates have a patience; leave it out."
    if isinstance(patience, bool) or not isinstance(patience, int) or not 1 <= patience <= LONGEST_PATIENCE:
        return f"Write a whole number of seconds from 1 to {LONGEST_PATIENCE}."
    return ""


def _problems_of_parameters(given: object, downstream: Job, *, is_gate: bool) -> list[str]:
    if not isinstance(given, dict):
        return ['Write an object of parameters and JSON pointers, e.g. {"rows": "/count"}.']
    if given and is_gate:
        return ["A gate hands no values on: its downstream was fired by its own tick. Use the kind trigger."]
    if len(given) > MOST_PARAMETERS:
        return [f"Write at most {MOST_PARAMETERS} parameters."]
    try:
        schema = templates.get(downstream.template.name, downstream.template.version).schema() if given else {}
    except templates.UnknownTemplate as error:
        return [str(error)]
    known = schema.get("properties", {})
    messages = []
    for name, place in given.items():
        if name not in known:
            messages.append(f"{downstream.name} has no parameter {name!r:.60}; known are {', '.join(known) or 'none'}.")
        if not pointer.is_pointer(place):
            messages.append(f"{name!r:.60}: write a JSON pointer into the result, such as /count or /files/0.")
    return messages
