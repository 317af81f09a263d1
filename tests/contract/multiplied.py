"""Makes many rows of each row that there is: under the same parents, and other only where it must be unique."""

from __future__ import annotations

import copy
import uuid
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import IntegrityError, InternalError, models, transaction
from django.db.utils import DatabaseError

APPS = ("accounts", "jobs", "templates_registry", "notifications")
NAMES = {"name", "slug", "title"}


def multiply(times: int) -> dict[str, int]:
    """How many of each model there are then. Those that cannot be copied stay as they are."""
    found = {}
    for model in apps.get_models():
        if model._meta.app_label in APPS and model._meta.managed and model._base_manager.exists():
            for row in list(model._base_manager.order_by("pk")[:2]):
                _copy(model, row, times)
            found[model.__name__] = model._base_manager.count()
    return found


def _copy(model: type[models.Model], row: models.Model, times: int) -> None:
    fields = [model._meta.get_field(name) for name in _varied(model)]
    copies = []
    for number in range(1, times):
        made = copy.copy(row)
        made.pk = None
        made._state.adding = True
        for field in fields:
            setattr(made, field.attname, _other(field, getattr(made, field.attname), number))
        copies.append(made)
    try:
        with transaction.atomic():
            model._base_manager.bulk_create(copies)
    except (IntegrityError, InternalError, DatabaseError, ValueError):
        return


def _varied(model: type[models.Model]) -> set[str]:
    """The fields that make a row another row."""
    unique = [
        set(constraint.fields)
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint)
    ]
    unique += [set(together) for together in model._meta.unique_together]
    fields = {field.name: field for field in model._meta.concrete_fields if not field.primary_key}
    plain = {name for name, field in fields.items() if not field.is_relation}
    chosen = {name for name, field in fields.items() if field.unique and name in plain}
    chosen |= {name for name in plain & NAMES if not fields[name].choices}
    for names in unique:
        if names & plain and not names & chosen:
            chosen.add(sorted(names & plain, key=lambda name: -_ease(fields[name]))[0])
    return chosen


def _ease(field: Any) -> int:
    return {models.UUIDField: 3, models.DateTimeField: 2, models.CharField: 1}.get(type(field), 0)


def _other(field: Any, value: Any, number: int) -> Any:
    if isinstance(field, models.UUIDField):
        return uuid.uuid4()
    if isinstance(field, models.DateTimeField):
        return value + timedelta(minutes=number) if value else value
    if isinstance(field, models.IntegerField):
        return (value or 0) + number
    if isinstance(value, str):
        most = field.max_length or 60
        return f"{value[: most - 3]}-{number}"
    return value
