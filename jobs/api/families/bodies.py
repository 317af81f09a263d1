"""Bodies in the words of other schedulers, snake or camel case, as the canonical ones. What is unknown stays as it is,
so that it is refused by its own name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from jobs.api.inputs import PolicySerializer
from scheduler_project.api.errors import Invalid
from scheduler_project.api.serializers import AnyJSONField, ObjectField, StrictSerializer, TextField, TrueOrFalseField
from templates_registry import registry as templates
from templates_registry.models import JobType

CELERY_TASK = "celery_task"
SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
CRON_FIELDS = ("minute", "hour", "day", "month", "day_of_week")

# Their word -> ours, for what keeps its form.
RENAMED = {
    "is_enabled": "enabled",
    "task_args": "parameters",
    "params": "parameters",
    "payload": "parameters",
    "template_name": "template",
    "template_id": "template",
    "task_type": "template",
    "task_function": "task_function_name",
    "handler": "task_function_name",
    "schedule_type": "job_type_name",
    "job_type": "job_type_name",
    "cron": "cron_expression",
    "expression": "cron_expression",
    "time_zone": "timezone",
    "run_date": "run_at",
    "scheduled_at": "run_at",
}
POLICIES = {"max_retries", "timeout_seconds", "soft_timeout_seconds"}
OF_SCHEDULES = ("job_type_name", "schedule_config", "cron_expression", "run_at", "timezone", "interval_seconds")


class ReadJob(StrictSerializer):
    """Other names of the same fields, in snake or camel case; the canonical names are understood as well."""

    name = TextField(required=False, max_length=200)
    description = TextField(required=False, max_length=10_000)
    is_enabled = TrueOrFalseField(required=False)
    template = TextField(required=False, help_text="The name of a template.")
    task_function_name = TextField(
        required=False, help_text="A template, or a Celery task of the list of task functions."
    )
    task_args = ObjectField(required=False, help_text="The parameters.")
    job_type_name = TextField(required=False, max_length=60, help_text="A name of the catalogue of job types.")
    schedule_config = AnyJSONField(
        required=False,
        help_text="{hours, minutes, seconds} of an interval, {minute, hour, day, month, day_of_week} or a text of a "
        "cron schedule, {run_date} of a single run.",
    )
    cron_expression = TextField(required=False, max_length=100)
    timezone = TextField(required=False, help_text="IANA name, such as Europe/Berlin; UTC unless told.")
    run_at = TextField(required=False, help_text="The instant of a single run.")
    policies = PolicySerializer(required=False)
    queue = TextField(required=False, max_length=100)
    priority = TextField(required=False)
    tags = serializers.ListField(child=TextField(max_length=50), max_length=20, required=False)
    note = TextField(required=False, allow_blank=True, max_length=500)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _plain(body: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    """With our names. What is named twice is refused."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        ours = renamed.get(snake(name), snake(name))
        if ours in found:
            raise Invalid({name: [f"Says the same as another field of this body, {ours}; write it once."]})
        found[ours] = value
    return found


def read_job(body: Mapping[str, Any], *, current_task: str = "") -> dict[str, Any]:
    """A body of a job as `/api/v1/jobs` takes it. `current_task` is the task of the job that it changes, when that is
    one of Celery's. Raises Invalid."""
    found = _plain(body, RENAMED)
    if isinstance(found.get("priority"), str):
        found["priority"] = found["priority"].lower()
    _read_task(found, current_task)
    _read_schedule(found)
    for name in POLICIES & found.keys():
        policies = found.setdefault("policies", {})
        if isinstance(policies, dict):
            policies[name] = found.pop(name)
    return found


def _read_task(found: dict[str, Any], current_task: str) -> None:
    function = found.pop("task_function_name", None)
    if function is None:
        if current_task and "template" not in found and isinstance(found.get("parameters"), dict):
            found["parameters"] = _of_celery(current_task, found["parameters"])
    elif not isinstance(function, str):
        raise Invalid({"task_function_name": ["Write a text."]})
    elif any(code.name == function for code in templates.all_templates()):
        found.setdefault("template", function)
    else:
        found["template"] = CELERY_TASK
        found["parameters"] = _of_celery(function, found.get("parameters", {}))


def _of_celery(task: str, arguments: Any) -> dict[str, Any]:
    """Arguments of a task as the template takes them, unless they are that already."""
    if isinstance(arguments, dict) and arguments.get("task") == task:
        return arguments
    return {"task": task, "kwargs": arguments}


# --- schedules --------------------------------------------------------------------------------------------------------


def _read_schedule(found: dict[str, Any]) -> None:
    given = found.get("schedule")
    if isinstance(given, dict) and "kind" in given:
        return
    if given is not None:
        found.setdefault("schedule_config", found.pop("schedule"))
    parts = {name: found.pop(name) for name in OF_SCHEDULES if name in found}
    if parts:
        found["schedule"] = _schedule(parts)


@dataclass(frozen=True)
class _Config:
    """A schedule_config that is an object, with our names."""

    values: dict[str, Any]

    def has(self, *names: str) -> bool:
        return any(name in self.values for name in names)


def _schedule(parts: dict[str, Any]) -> dict[str, Any]:
    config, cron, kind = parts.get("schedule_config"), parts.get("cron_expression"), parts.get("job_type_name")
    if isinstance(config, str):
        config, cron = {}, cron or config
    if isinstance(config, int) and not isinstance(config, bool):
        config = {"seconds": config}
    if config is not None and not isinstance(config, dict):
        raise Invalid({"schedule_config": ["Write an object, a cron expression, or a number of seconds."]})
    values = _plain(config or {}, {"cron": "cron_expression", "expression": "cron_expression", "run_date": "run_at"})
    if "interval_seconds" in parts:
        values["seconds"] = parts["interval_seconds"]
    timezone = parts.get("timezone", values.pop("timezone", None))
    run_at = parts.get("run_at", values.pop("run_at", None))
    cron = values.pop("cron_expression", cron)
    named = _job_type(kind)
    if named is not None:
        values = {**named.defaults, **values}
    ours = named.kind if named else _kind(_Config(values), cron, run_at)
    schedule: dict[str, Any] = {"kind": ours, **READERS[ours](values, cron, run_at)}
    if values:
        raise Invalid(
            {f"schedule_config.{name}": [f"A schedule of the kind {ours} has no such part."] for name in values}
        )
    return schedule if timezone is None else {**schedule, "timezone": timezone}


def _job_type(given: object) -> JobType | None:
    """The entry of the catalogue that the body names, if it names one."""
    if given is None:
        return None
    known = list(JobType.objects.filter(is_enabled=True))
    found = next((entry for entry in known if isinstance(given, str) and entry.name == given.lower()), None)
    if found is None:
        raise Invalid({"job_type_name": [f"Write one of {', '.join(entry.name for entry in known)}."]})
    return found


def _kind(config: _Config, cron: object, run_at: object) -> str:
    if cron is not None or config.has(*CRON_FIELDS):
        return "cron"
    if run_at is not None:
        return "once"
    return "interval" if config.has(*SECONDS) else "manual"


def _interval(values: dict[str, Any], cron: object, run_at: object) -> dict[str, Any]:
    total = 0
    for name, size in SECONDS.items():
        number = values.pop(name, 0)
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise Invalid({f"schedule_config.{name}": ["Write a whole number, at least 0."]})
        total += number * size
    if not total:
        raise Invalid({"schedule_config": ["Say how often: hours, minutes and seconds that are not all 0."]})
    return {"every_seconds": total}


def _cron(values: dict[str, Any], cron: object, run_at: object) -> dict[str, Any]:
    extra: dict[str, Any] = {name: values.pop(name) for name in ("day_match", "gap", "fold") if name in values}
    if cron is not None:
        return {"cron": cron, **extra}
    weekday = str(values.get("day_of_week", "*"))
    if any(character.isdigit() for character in weekday):
        text = "Write names, such as mon-fri: some count the days of the week from Monday, others from Sunday."
        raise Invalid({"schedule_config.day_of_week": [text]})
    fields = {name: str(values.pop(name)) for name in CRON_FIELDS if name in values}
    if not fields:
        raise Invalid({"schedule_config": [f"Write a cron expression, or some of {', '.join(CRON_FIELDS)}."]})
    # What is finer than the finest field that is named is its beginning: {"hour": 2} is two o'clock, not each minute.
    finest = min(CRON_FIELDS.index(name) for name in fields)
    beginning = ("0", "0", "1", "1", "*")
    parts = [fields.get(name, beginning[place] if place < finest else "*") for place, name in enumerate(CRON_FIELDS)]
    if finest == CRON_FIELDS.index("day_of_week"):
        parts[2:4] = ["*", "*"]
    return {"cron": " ".join(parts), **extra}


def _once(values: dict[str, Any], cron: object, run_at: object) -> dict[str, Any]:
    if run_at is None:
        raise Invalid({"schedule_config.run_date": ["Say when it is to run."]})
    return {"at": run_at}


def _manual(values: dict[str, Any], cron: object, run_at: object) -> dict[str, Any]:
    return {}


READERS: dict[str, Callable[[dict[str, Any], object, object], dict[str, Any]]] = {
    "interval": _interval,
    "cron": _cron,
    "once": _once,
    "manual": _manual,
}


# --- runs -------------------------------------------------------------------------------------------------------------


def read_run(body: Mapping[str, Any], *, current_task: str = "") -> dict[str, Any]:
    """A body of `run`. Raises Invalid."""
    found = _plain(body, {"task_args": "parameters", "params": "parameters", "payload": "parameters"})
    if current_task and isinstance(found.get("parameters"), dict):
        found["parameters"] = _of_celery(current_task, found["parameters"])
    return found


def read_task(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body of `/api/v1/tasks`. Raises Invalid."""
    renamed = {"type": "template", "task_type": "template", "parameters": "payload", "params": "payload"}
    found = _plain(body, {**renamed, "scheduled_for": "scheduled_at", "run_at": "scheduled_at"})
    if isinstance(found.get("priority"), str):
        found["priority"] = found["priority"].lower()
    return found
