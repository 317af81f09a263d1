"""The rows that built-in templates may touch: of models that settings name, and only those of the tenant."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import QuerySet

from templates_registry.base import PermanentFailure


def find_model(label: str) -> type[models.Model] | None:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def find_field(model: type[models.Model], name: str) -> models.Field[Any, Any] | None:
    """The concrete column of that name. No relation is ever followed."""
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, models.Field) and field.concrete else None


def is_date_field(field: models.Field[Any, Any] | None) -> bool:
    return isinstance(field, models.DateField)  # DateTimeField is one too


def rows(label: str, *, tenant: str) -> QuerySet[Any]:
    """All rows of an allowed model, whatever its own managers hide; the tenant's rows where the model has tenants."""
    model = find_model(label)
    if model is None:
        raise PermanentFailure(f"There is no model {label}.")
    found = model._base_manager.all()
    return found.filter(tenant__slug=tenant) if find_field(model, "tenant") is not None else found


def before(field: models.Field[Any, Any], now: datetime, days: int) -> date | datetime:
    """The instant `days` before `now`, in the type that the field compares with."""
    cutoff = now - timedelta(days=days)
    return cutoff if isinstance(field, models.DateTimeField) else cutoff.date()
