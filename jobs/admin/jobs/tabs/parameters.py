"""The parameters that a job's runs get, by the titles of their template, without what is secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from jobs.admin.editor.parameters import MASK, masked
from jobs.admin.editor.upgrade import upgrade_of
from jobs.models import Job
from templates_registry.models import TemplateVersion

UNSET = object()


@dataclass(frozen=True)
class Parameter:
    name: str
    title: str
    description: str
    value: Any
    is_set: bool
    is_default: bool
    is_secret: bool


def facts(request: HttpRequest, job: Job, now: datetime) -> dict[str, Any]:
    return {"rows": list_parameters(job.template, job.parameters), "upgrade": upgrade_of(job)}


def list_parameters(template: TemplateVersion, stored: dict[str, Any]) -> list[Parameter]:
    """In the order of the schema; what the schema does not name comes last."""
    shown, properties = masked(template, stored), template.schema.get("properties", {})
    rows = []
    for name in [*properties, *(name for name in shown if name not in properties)]:
        known = properties.get(name, {})
        known = known if isinstance(known, dict) else {}
        value, default = shown.get(name, UNSET), known.get("default", UNSET)
        rows.append(
            Parameter(
                name=name,
                title=str(known.get("title", "")),
                description=str(known.get("description", "")),
                value=None if value is UNSET else value,
                is_set=value is not UNSET,
                is_default=value is not UNSET and value == default,
                is_secret=value == MASK,
            )
        )
    return rows
