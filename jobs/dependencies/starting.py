"""Starting a downstream: the planner's own rules judge it, and the upstreams' results give it parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import Error

from accounts.sealing import CannotOpen, KeysUnavailable
from jobs import definition, executions, planner, sealed
from jobs.definition import Definition, InvalidJob
from jobs.facts import Surroundings
from jobs.models import Dependency, Execution, Job
from jobs.planner import Moment
from jobs.rules.pointer import NothingThere, value_at
from jobs.rules.states import Trigger
from scheduler_project.lib import sql
from templates_registry import registry as templates

ACTOR = "system:dependency"

Contribution = tuple[Dependency, Execution]


@dataclass(frozen=True)
class Start:
    """`execution_id` when it was started, `reason` when it was not."""

    execution_id: int | None = None
    reason: str = ""
    message: str = ""


def start(downstream: Job, by: Sequence[Contribution], ended: Execution, *, flow_id: int) -> Start:
    """Queue a run of the locked downstream. `ended` is the execution that completed what it waited for, its parent."""
    if downstream.archived_at is not None:
        return Start(reason="archived", message=f"{downstream.name} is archived.")
    if not downstream.is_enabled:
        return Start(reason="disabled", message=f"{downstream.name} is disabled.")
    try:
        moment, priority, refusal = _judge(downstream)
    except Error:
        raise
    except Exception as error:  # noqa: BLE001  a stored schedule or policy may raise anything; it stops no other job
        return Start(reason="schedule_error", message=f"{downstream.name} cannot be evaluated: {error}")
    if refusal:
        return refusal
    try:
        parameters = _parameters(downstream, by)
    except (CannotOpen, InvalidJob, NothingThere, templates.UnknownTemplate) as error:
        return Start(reason="parameters_do_not_fit", message=str(error))
    execution_id = executions.create(
        job=downstream,
        trigger=Trigger.DEPENDENCY,
        requested_by=ACTOR,
        request_id=ended.request_id,
        parameters=parameters,
        scheduled_for=ended.scheduled_for,
        priority=priority,
        parent_id=ended.pk,
        flow_id=flow_id,
    )
    if moment.replaces:
        executions.replace(job_id=downstream.pk, by=execution_id, now=sql.now())
    return Start(execution_id)


def _judge(downstream: Job) -> tuple[planner.TickDecision, int | None, Start | None]:
    """As a tick that were due now."""
    now = sql.now()
    facts = Surroundings([downstream], since=now, now=now).facts(downstream, next_tick_at=now)
    moment = Moment(facts, now, now)
    decision = planner.decide(moment)
    if decision.fires:
        return decision, decision.priority, None
    verdict = planner.first_verdict(planner.RULES, moment)
    told = verdict.text if verdict else ""
    if decision.blocking_id is not None:
        told = f"Execution {decision.blocking_id} of {downstream.name} had not ended."
    return decision, None, Start(reason=decision.reason, message=told)


def _parameters(downstream: Job, by: Sequence[Contribution]) -> dict[str, Any] | None:
    """None when the upstreams hand on nothing. Raises `InvalidJob`, `NothingThere`, `UnknownTemplate`."""
    taken: dict[str, Any] = {}
    for edge, execution in by:
        for name, place in edge.parameters.items():
            try:
                taken[name] = value_at(execution.result, place)
            except NothingThere as error:
                raise NothingThere(
                    f"{name}: the result of {edge.upstream.name} (execution {execution.pk}) has nothing at {place}."
                ) from error
    if not taken:
        return None
    try:
        return _judged(downstream, taken)
    except KeysUnavailable:
        if sealed.secrets_by_place(downstream.template.schema, taken):
            raise
        return {**downstream.parameters, **taken}  # the run itself judges them, when the keys are there again


def _judged(downstream: Job, taken: dict[str, Any]) -> dict[str, Any]:
    current = Definition.of(downstream)
    wanted = {"parameters": {**sealed.parameters_of(downstream), **taken}}
    new = definition.read(wanted, current=current, now=sql.now(), tenant=downstream.tenant)
    template = templates.get(new.template.name, new.template.version)
    given = sealed.open_all(template.schema(), new.parameters, tenant_id=downstream.tenant_id, template=template.name)
    if problems := template.check_for_tenant(given, downstream.tenant.slug):
        raise InvalidJob(problems)
    return new.parameters
