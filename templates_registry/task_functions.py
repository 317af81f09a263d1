"""The allow-list of the template `celery_task`: which tasks a tenant's operators may choose, with which arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from templates_registry.models import TaskFunction
from templates_registry.reserved_tasks import is_reserved
from templates_registry.schema import validate
from templates_registry.schema.paths import ROOT

Problems = dict[str, list[str]]

# What an operator may say. The queue is the list's to choose, and the rest could reach tasks that are not listed.
FOR_OPERATORS = frozenset({"task", "args", "kwargs", "priority", "expire_seconds"})


def allowed(tenant: str) -> QuerySet[TaskFunction]:
    """The entries that a tenant's operators may choose from."""
    return TaskFunction.objects.filter(Q(for_all_tenants=True) | Q(tenants__slug=tenant), is_enabled=True).distinct()


def find(name: str, *, tenant: str) -> TaskFunction | None:
    return None if is_reserved(name) else allowed(tenant).filter(name=name).first()


def is_listed(name: str) -> bool:
    """Whether any tenant may choose the task."""
    return not is_reserved(name) and TaskFunction.objects.filter(name=name, is_enabled=True).exists()


def find_problems(parameters: Mapping[str, Any], *, tenant: str) -> Problems:
    """What keeps an operator of this tenant from sending this task; empty when nothing does."""
    problems: Problems = {
        f"{ROOT}.{name}": ["Only a django-celery-beat row can say this."]
        for name in parameters
        if name not in FOR_OPERATORS
    }
    if parameters.get("args"):
        problems[f"{ROOT}.args"] = ["Give the arguments by name, in kwargs; the list describes named ones only."]
    function = find(parameters["task"], tenant=tenant)
    if function is None:
        names = [str(name) for name in allowed(tenant).values_list("name", flat=True)[:20]]
        problems[f"{ROOT}.task"] = [_not_listed(parameters["task"], names)]
    else:
        for path, messages in validate(function.argument_schema, parameters.get("kwargs", {})).items():
            problems[f"{ROOT}.kwargs{path.removeprefix(ROOT)}"] = messages
    return problems


def _not_listed(task: str, names: Iterable[str]) -> str:
    known = ", ".join(names)
    return f"{task} is not a task that operators may choose here. " + (
        f"Listed: {known}." if known else "None is listed."
    )
