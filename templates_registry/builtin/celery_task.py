"""Sends a Celery task, for jobs adopted from django-celery-beat rows and for tasks on the list of task functions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from celery.exceptions import QueueNotFound

from templates_registry import task_functions
from templates_registry.base import JSON, EffectReport, JobTemplate, Parameters, PermanentFailure
from templates_registry.context import RunContext
from templates_registry.models import TaskFunction
from templates_registry.registry import register
from templates_registry.schema import with_defaults

SENT = "The broker took the message. Whether the task then succeeded is not known here."

FROM_ROW = {"readOnly": True, "x-group": "From the django-celery-beat row"}


@register
class CeleryTaskTemplate(JobTemplate):
    name = "celery_task"
    title = "Send a Celery task"
    category = "Celery"
    description = (
        "Sends a task of another application to its workers. A run has succeeded when the broker took the message; "
        "what the task itself made of it is not known here."
    )
    parameters = {
        "type": "object",
        "additionalProperties": False,
        "required": ["task"],
        "properties": {
            "task": {
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "title": "Task",
                "description": "A name from the list of task functions.",
            },
            "kwargs": {"type": "object", "default": {}, "title": "Arguments", "description": "By name."},
            "args": {"type": "array", "default": [], "title": "Positional arguments", **FROM_ROW},
            "priority": {
                "type": "integer",
                "minimum": 0,
                "maximum": 255,
                "title": "Priority of the message",
                "description": "With Redis, 0 is the most urgent and 9 the least.",
            },
            "expire_seconds": {
                "type": "integer",
                "minimum": 1,
                "maximum": 2_147_483_647,
                "title": "Seconds until it expires",
                "description": "A worker that gets the message later than this after the due time drops it.",
            },
            "expires_at": {"type": "string", "format": "date-time", "maxLength": 40, "title": "Expires", **FROM_ROW},
            "queue": {"type": "string", "maxLength": 200, "title": "Queue", **FROM_ROW},
            "exchange": {"type": "string", "maxLength": 200, "title": "Exchange", **FROM_ROW},
            "routing_key": {"type": "string", "maxLength": 200, "title": "Routing key", **FROM_ROW},
            "headers": {"type": "object", "title": "Headers", **FROM_ROW},
        },
    }
    supports_dry_run = True
    timeout = timedelta(minutes=1)
    max_retries = 10
    never_retry_on = (TypeError, QueueNotFound)

    @classmethod
    def check_for_tenant(cls, parameters: Parameters, tenant: str) -> dict[str, list[str]]:
        return task_functions.find_problems(parameters, tenant=tenant)

    def run(self, context: RunContext, parameters: Parameters) -> JSON:
        function = _permission(context, parameters)
        options = _options(context, parameters, function)
        kwargs = _keyword_arguments(parameters, function)
        # The same id for every attempt: a receiver can recognise a message that was sent twice.
        _send(parameters["task"], parameters.get("args", []), kwargs, task_id=str(context.run_key), **options)
        context.log(f"Sent {parameters['task']} as {context.run_key}. {SENT}")
        return {
            "task": parameters["task"],
            "task_id": str(context.run_key),
            "queue": options.get("queue"),
            "state": "sent",
            "note": SENT,
        }

    def dry_run(self, context: RunContext, parameters: Parameters) -> EffectReport:
        options = _options(context, parameters, _permission(context, parameters))
        where = f" to the queue {options['queue']}" if "queue" in options else ""
        return EffectReport(f"Would send {parameters['task']}{where}.", count=1)


def _permission(context: RunContext, parameters: Parameters) -> TaskFunction | None:
    """The entry that allows it; none for an adopted job, where the row decides. Asked again at every run, since an
    entry may have gone since the job was saved. Raises PermanentFailure."""
    if context.is_adopted:
        return None
    problems = task_functions.find_problems(parameters, tenant=context.tenant)
    if problems:
        raise PermanentFailure(" ".join(text for messages in problems.values() for text in messages))
    return task_functions.find(parameters["task"], tenant=context.tenant)


def _keyword_arguments(parameters: Parameters, function: TaskFunction | None) -> dict[str, Any]:
    given = parameters.get("kwargs", {})
    return dict(given) if function is None else with_defaults(function.argument_schema, given)


def _options(context: RunContext, parameters: Parameters, function: TaskFunction | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        name: parameters[name] for name in ("queue", "exchange", "routing_key", "priority") if name in parameters
    }
    if function is not None and function.queue:
        options["queue"] = function.queue
    if "expires_at" in parameters:
        options["expires"] = datetime.fromisoformat(parameters["expires_at"])
    elif "expire_seconds" in parameters:
        due_at = context.scheduled_for or context.started_at
        options["expires"] = due_at + timedelta(seconds=parameters["expire_seconds"])
    options["headers"] = {**parameters.get("headers", {}), "periodic_task_name": context.job_name}
    return options


def _send(name: str, args: list[Any], kwargs: dict[str, Any], **options: Any) -> None:
    """As beat does it: a task that this process knows brings its own options, another one is sent by its name."""
    task = current_app.tasks.get(name)
    if task is not None:
        task.apply_async(tuple(args), kwargs, retry=False, **options)
    else:
        current_app.send_task(name, args, kwargs, retry=False, **options)
