"""Deletes old rows of the models that DAYBOOK_CLEANUP_MODELS names, in batches."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Max, Min, ProtectedError, QuerySet, RestrictedError

from templates_registry.allowed_models import before, find_field, rows
from templates_registry.base import JSON, Cancelled, EffectReport, JobTemplate, Parameters, PermanentFailure
from templates_registry.context import RunContext
from templates_registry.registry import register
from templates_registry.schema import Schema

SAMPLE = 5


def parameters() -> Schema:
    models = sorted(settings.DAYBOOK_CLEANUP_MODELS)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["model", "older_than_days"],
        "properties": {
            "model": {"type": "string", "enum": models, "title": "Model", "description": "Whose rows are deleted."},
            "older_than_days": {
                "type": "integer",
                "minimum": 1,
                "maximum": 36_500,
                "default": 90,
                "title": "Older than (days)",
                "description": "Rows whose date lies further back are deleted.",
            },
            "batch_size": {
                "type": "integer",
                "minimum": 1,
                "maximum": 10_000,
                "default": 1_000,
                "title": "Batch size",
                "description": "Rows deleted in one transaction. Between two batches the run can be cancelled.",
            },
        },
    }


@register
class DatabaseCleanupTemplate(JobTemplate):
    name = "database_cleanup"
    title = "Clean up old rows"
    category = "Maintenance"
    description = "Deletes the rows of a model that are older than a number of days, in batches."
    parameters = parameters
    is_destructive = True
    supports_dry_run = True
    is_idempotent = True
    never_retry_on = (ProtectedError, RestrictedError)

    def run(self, context: RunContext, parameters: Parameters) -> JSON:
        old, field = _old_rows(context, parameters)
        total, deleted, with_others = old.count(), 0, 0
        context.log(f"{total} rows of {parameters['model']} are older than {parameters['older_than_days']} days.")
        context.progress(0, total)
        while keys := list(
            old.order_by(field, "pk").values_list("pk", flat=True)[: parameters.get("batch_size", 1_000)]
        ):
            if context.is_cancelled():
                raise Cancelled(result={"deleted": deleted, "deleted_with_related": with_others})
            everything, by_model = old.filter(pk__in=keys).delete()
            removed = by_model.get(old.model._meta.label, 0)
            if not removed and old.filter(pk__in=keys).exists():
                raise PermanentFailure(f"The database keeps rows of {parameters['model']} that were deleted.")
            deleted, with_others = deleted + removed, with_others + everything
            context.progress(deleted, max(total, deleted), f"{deleted} rows deleted")
        context.log(f"{deleted} rows of {parameters['model']} deleted.")
        return {"deleted": deleted, "deleted_with_related": with_others}

    def dry_run(self, context: RunContext, parameters: Parameters) -> EffectReport:
        old, field = _old_rows(context, parameters)
        count = old.count()
        ends = old.aggregate(oldest=Min(field), newest=Max(field))
        sample = old.order_by(field, "pk").values_list("pk", field)[:SAMPLE]
        return EffectReport(
            summary=f"Would delete {count} rows of {parameters['model']}.",
            count=count,
            sample=[{"key": str(key), "date": date.isoformat()} for key, date in sample],
            facts={name: date.isoformat() if date else None for name, date in ends.items()},
        )


def _old_rows(context: RunContext, parameters: Parameters) -> tuple[QuerySet[Any], str]:
    model, name = parameters["model"], settings.DAYBOOK_CLEANUP_MODELS.get(parameters["model"])
    if name is None:
        raise PermanentFailure(f"{model} is no longer one of DAYBOOK_CLEANUP_MODELS.")
    found = rows(model, tenant=context.tenant)
    field = find_field(found.model, name)
    if field is None:
        raise PermanentFailure(f"{model} has no field {name}.")
    cutoff = before(field, context.started_at, parameters["older_than_days"])
    return found.filter(**{f"{name}__lt": cutoff}), name
