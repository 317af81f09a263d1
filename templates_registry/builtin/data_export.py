"""Writes rows of the models that DAYBOOK_EXPORT_MODELS names to a CSV or JSON Lines file below DAYBOOK_EXPORT_ROOT."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, date
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from scheduler_project.lib import csv_cells
from templates_registry.allowed_models import before, find_field, find_model, is_date_field, rows
from templates_registry.base import JSON, Cancelled, EffectReport, JobTemplate, Parameters, PermanentFailure
from templates_registry.context import RunContext
from templates_registry.export_folder import new_file
from templates_registry.registry import register
from templates_registry.schema import Schema

CHUNK = 2_000
SAMPLE = 5


def parameters() -> Schema:
    allowed = settings.DAYBOOK_EXPORT_MODELS
    names = sorted({field for fields in allowed.values() for field in fields})
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["model", "format", "file_name"],
        "dependentRequired": {"since_days": ["date_field"], "date_field": ["since_days"]},
        "properties": {
            "model": {"type": "string", "enum": sorted(allowed), "title": "Model"},
            "format": {"type": "string", "enum": ["csv", "jsonl"], "default": "csv", "title": "Format"},
            "file_name": {
                "type": "string",
                "maxLength": 60,
                "pattern": "^[a-z0-9][a-z0-9_-]*$",
                "x-pattern-hint": "lower-case letters, digits, - and _, beginning with a letter or digit",
                "title": "File name",
                "description": "Without an ending. The time of the run is added.",
            },
            "fields": {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"enum": names},
                "title": "Fields",
                "description": "All that are allowed when none is chosen.",
            },
            "date_field": {
                "type": "string",
                "enum": names,
                "title": "Date field",
                "description": "Limits the export to rows whose date is recent.",
            },
            "since_days": {"type": "integer", "minimum": 1, "maximum": 36_500, "title": "Of the last (days)"},
        },
    }


@register
class DataExportTemplate(JobTemplate):
    name = "data_export"
    title = "Export rows to a file"
    category = "Data"
    description = "Writes the rows of a model to a CSV or JSON Lines file."
    parameters = parameters
    supports_dry_run = True
    is_idempotent = True

    @classmethod
    def check_parameters(cls, parameters: Parameters) -> dict[str, list[str]]:
        label, problems = parameters["model"], {}
        allowed = settings.DAYBOOK_EXPORT_MODELS.get(label, [])
        for index, name in enumerate(parameters.get("fields", ())):
            if name not in allowed:
                problems[f"parameters.fields[{index}]"] = [f"must be one of {', '.join(allowed)}"]
        name, model = parameters.get("date_field"), find_model(label)
        if name is not None and model is not None:
            dates = [field for field in allowed if is_date_field(find_field(model, field))]
            if name not in dates:
                problems["parameters.date_field"] = [f"must be a date of {label}: {', '.join(dates) or 'it has none'}"]
        return problems

    def run(self, context: RunContext, parameters: Parameters) -> JSON:
        found, fields = _rows(context, parameters)
        total, done = found.count(), 0
        instant = (context.scheduled_for or context.started_at).astimezone(UTC)
        name = f"{parameters['file_name']}-{instant:%Y%m%dt%H%M%Sz}-{context.execution_id}.{parameters['format']}"
        lines = LINES[parameters["format"]]
        with new_file(Path(settings.DAYBOOK_EXPORT_ROOT), context.tenant, name, writer=context.fence) as file:
            if parameters["format"] == "csv":
                file.write(lines(fields, [fields]))
            values = found.values_list(*fields).iterator(chunk_size=CHUNK)
            while chunk := list(islice(values, CHUNK)):
                if context.is_cancelled():
                    raise Cancelled("Cancelled; no file was written.")
                file.write(lines(fields, chunk))
                done += len(chunk)
                context.progress(done, max(total, done), f"{done} rows written")
        context.log(f"{done} rows written to {file.name}.")
        return {"file": file.name, "rows": done, "bytes": file.bytes, "sha256": file.sha256}

    def dry_run(self, context: RunContext, parameters: Parameters) -> EffectReport:
        found, fields = _rows(context, parameters)
        count = found.count()
        lines = LINES["jsonl"](fields, list(found.values_list(*fields)[:SAMPLE])).splitlines()
        return EffectReport(
            summary=f"Would write {count} rows of {parameters['model']} to a file.",
            count=count,
            sample=[json.loads(line) for line in lines],
            facts={"fields": list(fields)},
        )


def _rows(context: RunContext, parameters: Parameters) -> tuple[QuerySet[Any], Sequence[str]]:
    label = parameters["model"]
    # The list may have become shorter since the job was saved.
    if label not in settings.DAYBOOK_EXPORT_MODELS or DataExportTemplate.check_parameters(parameters):
        raise PermanentFailure(f"DAYBOOK_EXPORT_MODELS no longer allows this export of {label}.")
    found = rows(label, tenant=context.tenant).order_by("pk")
    name, days = parameters.get("date_field"), parameters.get("since_days")
    field = find_field(found.model, name) if name else None
    if field is not None and days is not None:
        found = found.filter(**{f"{name}__gte": before(field, context.started_at, days)})
    return found, parameters.get("fields") or settings.DAYBOOK_EXPORT_MODELS[label]


def _csv(_: Sequence[str], chunk: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in chunk])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict | list):
        value = json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
    return csv_cells.safe(value)


def _json_lines(fields: Sequence[str], chunk: Sequence[Sequence[Any]]) -> str:
    return "".join(
        json.dumps(dict(zip(fields, row, strict=True)), cls=DjangoJSONEncoder, ensure_ascii=False) + "\n"
        for row in chunk
    )


LINES: dict[str, Callable[[Sequence[str], Sequence[Sequence[Any]]], str]] = {"csv": _csv, "jsonl": _json_lines}
