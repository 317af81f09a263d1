"""Changes of the catalogues, which concern every tenant: who may make them is the caller's to know. All are audited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.models import Tenant
from scheduler_project.lib import telemetry
from templates_registry.models import JobType, TaskFunction
from templates_registry.schema import check_schema, validate
from templates_registry.schema.paths import ROOT

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
TASK = re.compile(r"[A-Za-z_][\w.-]{0,199}")

Fields = dict[str, list[str]]


class InvalidEntry(Exception):
    """Input that is no entry of the catalogue; `fields` has the messages by name."""

    def __init__(self, fields: Mapping[str, Iterable[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items()))
        self.fields: Fields = {name: list(messages) for name, messages in fields.items()}


class EntryIsBuiltIn(Exception):
    """What the product itself needs stays; it can only be switched off."""


# --- task functions ---------------------------------------------------------------------------------------------------


def save_task_function(entry: TaskFunction, values: Mapping[str, Any], *, actor: str) -> TaskFunction:
    """Add the entry, or change what `values` names; `tenants` are slugs. Raises `InvalidEntry`."""
    before = {} if entry.pk is None else shown_task_function(entry)
    values = dict(values)
    slugs = values.pop("tenants", None)
    for name, value in values.items():
        setattr(entry, name, value)
    problems = _problems_of_task(entry)
    tenants = [] if slugs is None else list(Tenant.objects.filter(slug__in=slugs))
    if slugs is not None and (unknown := sorted({*slugs} - {tenant.slug for tenant in tenants})):
        problems["tenants"] = [f"There is no tenant {', '.join(unknown)[:200]}."]
    if problems:
        raise InvalidEntry(problems)
    with transaction.atomic():
        _store(entry, "name")
        if slugs is not None:
            entry.tenants.set(tenants)
        _tell("task_function", entry, actor, before, shown_task_function(entry))
    return entry


def remove_task_function(entry: TaskFunction, *, actor: str) -> None:
    """Jobs that send it are refused from now on when they change; the runs of those that there are end in an error."""
    with transaction.atomic():
        before = shown_task_function(entry)
        _tell("task_function", entry, actor, before, {})
        entry.delete()


def shown_task_function(entry: TaskFunction) -> dict[str, Any]:
    names = ("name", "description", "argument_schema", "queue", "for_all_tenants", "is_enabled")
    tenants = sorted(entry.tenants.values_list("slug", flat=True)) if entry.pk else []
    return {**{name: getattr(entry, name) for name in names}, "tenants": tenants}


def _problems_of_task(entry: TaskFunction) -> Fields:
    problems: Fields = {}
    if not TASK.fullmatch(entry.name):
        problems["name"] = ["Write the name of a task: letters, digits, dots, dashes and underscores, at most 200."]
    try:
        entry.clean()
    except ValidationError as error:
        problems |= {name: list(messages) for name, messages in error.message_dict.items()}
    return problems


# --- job types --------------------------------------------------------------------------------------------------------

FIXED = ("name", "kind", "fields")


def save_job_type(entry: JobType, values: Mapping[str, Any], *, actor: str) -> JobType:
    """Add the entry, or change what `values` names. Raises `InvalidEntry`, `EntryIsBuiltIn`."""
    before = {} if entry.pk is None else shown_job_type(entry)
    if entry.is_builtin and (fixed := [name for name in FIXED if name in values and values[name] != before[name]]):
        raise EntryIsBuiltIn(f"{entry.name} is built in: its {', '.join(fixed)} cannot change; it can be switched off.")
    for name, value in values.items():
        setattr(entry, name, value)
    problems: Fields = {}
    if not NAME.fullmatch(entry.name):
        problems["name"] = ["Write small letters, digits, dashes and underscores, at most 60."]
    if entry.kind not in JobType.Kind.values:
        problems["kind"] = [f"Write one of {', '.join(JobType.Kind.values)}."]
    if schema_problems := check_schema(entry.fields) if isinstance(entry.fields, dict) else ["Write an object."]:
        problems["fields"] = list(schema_problems)
    elif entry.defaults and (wrong := validate({**entry.fields, "required": []}, entry.defaults)):
        problems |= {f"defaults{path.removeprefix(ROOT)}": list(messages) for path, messages in wrong.items()}
    if problems:
        raise InvalidEntry(problems)
    with transaction.atomic():
        _store(entry, "name")
        _tell("job_type", entry, actor, before, shown_job_type(entry))
    return entry


def remove_job_type(entry: JobType, *, actor: str) -> None:
    """Jobs keep the schedules that were made by it. Raises `EntryIsBuiltIn`."""
    if entry.is_builtin:
        raise EntryIsBuiltIn(f"{entry.name} is built in and stays; it can be switched off.")
    with transaction.atomic():
        _tell("job_type", entry, actor, shown_job_type(entry), {})
        entry.delete()


def shown_job_type(entry: JobType) -> dict[str, Any]:
    names = ("name", "title", "description", "kind", "fields", "defaults", "is_enabled")
    return {name: getattr(entry, name) for name in names}


# --- both -------------------------------------------------------------------------------------------------------------


def _store(entry: JobType | TaskFunction, unique: str) -> None:
    try:
        with transaction.atomic():
            entry.save()
    except IntegrityError as error:
        raise InvalidEntry({unique: ["Stands in the catalogue already, or is never allowed to."]}) from error


def _tell(target: str, entry: Any, actor: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    done = "changed" if before and after else "added" if after else "removed"
    audit.record(
        f"{target}.{done}",
        actor=actor,
        tenant_id=None,
        target=target,
        target_id=entry.pk,
        target_name=entry.name,
        before=before or None,
        after=after or None,
    )
    kind = target.replace("_", " ")
    transaction.on_commit(
        lambda: telemetry.emit("catalogue.changed", actor=actor, done=done, kind=kind, entry=entry.name)
    )
