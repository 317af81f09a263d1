"""The pages and fragments that belong to the frame itself."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html_join

from jobs.rules.states import ExecutionStatus
from scheduler_project.frame import confirm_run, context, palette, viewer


def urls(site: AdminSite) -> list[URLPattern]:
    def page(respond: Any) -> Any:
        return site.admin_view(lambda request, *args, **named: respond(site, request, *args, **named))

    return [
        path("find/", page(palette.respond), name="find"),
        path("run/<int:job_id>/", page(confirm_run.respond), name="run_job"),
        path("open-letters/", page(_open_letters), name="open_letters"),
        path("choose/tenant/", page(viewer.choose_tenant), name="choose_tenant"),
        path("choose/zone/", page(viewer.choose_zone), name="choose_zone"),
        path("choose/zones/", page(_zones), name="zones"),
        path("session/", page(_session), name="session"),
        path("signed-in/", page(_signed_in), name="signed_in"),
        path("_components/", page(_components), name="components"),
    ]


def _open_letters(site: AdminSite, request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, "console/letters.html", {"open_letters": context.open_letters(request)})


def _zones(site: AdminSite, request: HttpRequest) -> HttpResponse:
    names = ((name,) for name in sorted(viewer.zones()))
    return HttpResponse(format_html_join("", '<option value="{}">', names), headers={"Cache-Control": "max-age=86400"})


def _session(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Who is signed in, and the token that forms of a page from before need."""
    return JsonResponse({"user": request.user.get_username(), "token": get_token(request)})


def _signed_in(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Where signing in from a page that is still open elsewhere ends."""
    return TemplateResponse(request, "console/signed_in.html", {**site.each_context(request), "title": "Signed in"})


def _components(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """All building blocks on one page, for those who work on the console."""
    if not settings.DEBUG:
        raise Http404("There is no such page.")
    context = {**site.each_context(request), "title": "Components", "states": [*ExecutionStatus, "online", "silent"]}
    return TemplateResponse(request, "console/components.html", context)
