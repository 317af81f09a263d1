"""Shows the settings, switches and checks to whoever may read them; nothing is changed here."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from accounts import access
from accounts.scopes import Scope
from jobs import runtime_flags
from jobs.api.runtime import LABELS, SECTIONS
from scheduler_project.observability.verdicts import HEALTHY
from scheduler_project.settings_page import checks, effective


def urls(site: AdminSite) -> list[URLPattern]:
    def page(request: HttpRequest) -> HttpResponse:
        _require(request)
        context = {
            **site.each_context(request),
            **_health(),
            "title": "Settings",
            "sections": list(_sections()),
            "groups": list(effective.groups(shows_places=access.is_superuser(request.user))),
        }
        return TemplateResponse(request, "console/settings/page.html", context)

    def health(request: HttpRequest) -> HttpResponse:
        _require(request)
        return TemplateResponse(request, "console/settings/health.html", _health())

    return [
        path("settings/", site.admin_view(page), name="jobs_settings"),
        path("settings/health/", site.admin_view(health), name="jobs_settings_health"),
    ]


def _require(request: HttpRequest) -> None:
    if not access.may_anywhere(request.user, Scope.SCHEDULER_READ):
        raise PermissionDenied("The settings need the scope scheduler:read in some tenant.")


def _health() -> dict[str, Any]:
    found = checks.all_checks()
    bad = [check for check in found if check.status != HEALTHY]
    # What needs somebody first.
    return {"checks": [*bad, *(check for check in found if check.status == HEALTHY)], "bad": bad, "now": timezone.now()}


def _sections() -> Any:
    """As the API's settings sections."""
    flags = {flag.name: flag for flag in runtime_flags.current()}
    for id_, title, text, names in SECTIONS:
        yield {"id": id_, "title": title, "text": text, "flags": [(LABELS[name], flags[name]) for name in names]}
