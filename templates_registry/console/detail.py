"""The page of a template: what it does and asks for, how its versions differ, and which jobs use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import access
from accounts.scopes import Scope
from templates_registry.console.traits import traits
from templates_registry.console.usage import count_by_version, jobs_of
from templates_registry.forms import raw_parts
from templates_registry.models import TemplateVersion
from templates_registry.schema.paths import ROOT
from templates_registry.schema_changes import Change, changes
from templates_registry.schema_example import example
from templates_registry.schema_table import rows


@dataclass(frozen=True)
class Version:
    row: TemplateVersion
    uses: int
    # Against the version before it; None for the first.
    changes: list[Change] | None


def respond(request: HttpRequest, site_context: dict[str, Any], row: TemplateVersion) -> HttpResponse:
    versions = _versions(request, row.name)
    newest = next((version.row for version in versions if version.row.is_available), None)
    jobs = jobs_of(request, row.name)
    may_write = access.may_anywhere(request.user, Scope.SCHEDULER_WRITE)
    context = {
        **site_context,
        "title": row.title or row.name,
        "opts": TemplateVersion._meta,
        "template": row,
        "rows": rows(row.schema),
        "traits": traits(row),
        "example": example(row.schema),
        "raw": [(place.removeprefix(f"{ROOT}."), why) for place, why in raw_parts(row.schema)],
        "versions": versions,
        "newest": newest,
        "jobs": jobs,
        "uses": sum(version.uses for version in versions),
        "shows_tenant": access.tenants(request.user).count() > 1,
        "may_create": may_write and row.is_available,
        "may_write": may_write,
    }
    return TemplateResponse(request, "templates_registry/template_page.html", context)


def _versions(request: HttpRequest, name: str) -> list[Version]:
    found = list(TemplateVersion.objects.filter(name=name).order_by("-version"))
    uses = count_by_version(request, name=name)
    before = [*found[1:], None]
    return [
        Version(row, uses[(row.name, row.version)], None if older is None else changes(older.schema, row.schema))
        for row, older in zip(found, before, strict=True)
    ]
