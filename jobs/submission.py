"""Runs without a job: judges what somebody wants to have run, and queues it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import Tenant
from jobs import executions, queues, trail
from jobs.definition import InvalidJob, Problems, default_policies
from jobs.definition.reader import Reader
from jobs.models import Execution
from jobs.rules.policy import InvalidPolicy, JobPolicy
from jobs.rules.states import PRIORITY_NAMES, Trigger
from jobs.runtime_flags import require_scheduler
from scheduler_project.lib import sql
from templates_registry import registry as templates
from templates_registry.models import TemplateVersion

MAX_PAYLOAD_BYTES = 65_536
MAX_PAYLOAD_DEPTH = 20
MAX_PAYLOAD_NAMES = 2_000
LONGEST_WAIT = timedelta(days=366)
LIMITS = ("timeout_seconds", "soft_timeout_seconds", "max_retries")


class InvalidTask(InvalidJob):
    """Input that can not be run; `fields` has the messages by path."""


def submit(
    data: Mapping[str, Any],
    *,
    tenant: Tenant,
    actor: str,
    request_id: str = "",
    scheduled_at: datetime | None = None,
    dry_run: bool = False,
    user_id: str | None = None,
) -> int:
    """Queue what `data` describes and return the execution's id: `template`, `template_version`, `payload`, `queue`,
    `priority` and limits of its own. Announcing it is the caller's, after commit.

    Raises `InvalidTask`, `KeysUnavailable`, `QueueFull`.
    """
    require_scheduler(actor)
    payload = data.get("payload", {})
    problems: Problems = {"payload": _size_problems(payload)}
    if not problems["payload"]:
        del problems["payload"]
    if scheduled_at is not None and scheduled_at > sql.now() + LONGEST_WAIT:
        problems["scheduled_at"] = [f"Lies more than {LONGEST_WAIT.days} days ahead; make a job of it."]
    named = {name: data[name] for name in ("template", "template_version", "queue", "priority") if name in data}
    reader = Reader(
        {**named, "parameters": payload}, None, before=None, now=None, may_run_sub_minute=False, tenant=tenant
    )
    template = reader.template()
    parameters = reader.parameters(template) if not problems else {}
    queue, priority = reader.queue(), reader.priority()
    policy = _policy(template, data, problems)
    if dry_run and template is not None and not template.supports_dry_run:
        problems["dry_run"] = [f"The template {template.name} has no dry run."]
    problems |= {_renamed(path): messages for path, messages in reader.problems.items()}
    if template is not None and not problems:
        code = templates.get(template.name, template.version)
        refused = code.check_for_tenant(parameters, tenant.slug)
        problems = {_renamed(path): messages for path, messages in refused.items()}
    if problems or template is None or reader.judged is None:
        raise InvalidTask(problems)
    return _submit(
        template,
        actor=actor,
        tenant_id=tenant.pk,
        parameters=reader.judged.seal(),
        policy=policy,
        queue=queue,
        priority=queues.admit(priority, policy),
        request_id=request_id,
        scheduled_at=scheduled_at,
        dry_run=dry_run,
        user_id=user_id,
    )


def again(task: Execution, *, actor: str, request_id: str = "") -> int:
    """Queue a run like this one, which had no job either, now. Raises `InvalidTask`, `QueueFull`."""
    require_scheduler(actor)
    if not task.template.is_available:
        raise InvalidTask({"template": [f"The code of the template {task.template.name} is not installed any more."]})
    return _submit(
        task.template,
        actor=actor,
        tenant_id=task.tenant_id,
        parameters=task.parameters,
        policy=replace(task.policies, requires_approval=task.template.requires_approval),
        queue=task.queue,
        priority=queues.admit(task.priority, task.policies),
        request_id=request_id,
        dry_run=task.dry_run,
        user_id=task.user_id,
        trigger=Trigger.MANUAL,
    )


def _submit(template: TemplateVersion, *, actor: str, **wishes: Any) -> int:
    with transaction.atomic():
        execution_id = executions.submit(template_id=template.pk, requested_by=actor, **wishes)
        audit.record(
            "task.submitted",
            actor=actor,
            tenant_id=wishes["tenant_id"],
            target="execution",
            target_id=execution_id,
            target_name=template.name,
            after={
                "template": template.name,
                "template_version": template.version,
                "parameters": trail.masked(template, wishes["parameters"]),
                "queue": wishes["queue"],
                "priority": PRIORITY_NAMES[wishes["priority"]],
                "scheduled_at": wishes.get("scheduled_at"),
                "dry_run": wishes["dry_run"],
            },
        )
    return execution_id


def _policy(template: TemplateVersion | None, data: Mapping[str, Any], problems: Problems) -> JobPolicy:
    """The template's own, with the limits that the caller names."""
    policy = default_policies(template)
    given = {name: data[name] for name in LIMITS if name in data}
    limit, soft = given.get("timeout_seconds"), policy.soft_timeout_seconds
    if isinstance(limit, int) and soft is not None and soft >= limit:
        policy = replace(policy, soft_timeout_seconds=None)
    try:
        return JobPolicy.parse({**policy.to_json(), **given})
    except InvalidPolicy as error:
        problems.update(error.fields)
        return policy


def _size_problems(payload: object) -> list[str]:
    size = len(json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace"))
    if size > MAX_PAYLOAD_BYTES:
        return [f"Is {size:,} bytes of JSON; write at most {MAX_PAYLOAD_BYTES:,}."]
    names, todo = 0, [(payload, 1)]
    while todo:
        value, depth = todo.pop()
        if depth > MAX_PAYLOAD_DEPTH:
            return [f"Is nested more than {MAX_PAYLOAD_DEPTH} levels deep."]
        if isinstance(value, dict):
            names += len(value)
            todo += [(part, depth + 1) for part in value.values() if isinstance(part, dict | list)]
        elif isinstance(value, list):
            todo += [(part, depth + 1) for part in value if isinstance(part, dict | list)]
    return [f"Has {names:,} names; write at most {MAX_PAYLOAD_NAMES:,}."] if names > MAX_PAYLOAD_NAMES else []


def _renamed(path: str) -> str:
    """Schemas speak of `parameters`, clients of tasks of the `payload`."""
    return f"payload{path.removeprefix('parameters')}" if path.startswith("parameters") else path
