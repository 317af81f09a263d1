"""The pages and fragments that belong to the frame itself."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from scheduler_project.frame import context, palette, viewer


def urls(site: AdminSite) -> list[URLPattern]:
    def page(respond: Any) -> Any:
        return site.admin_view(lambda request, *args: respond(site, request, *args))

    return [
        path("find/", page(palette.respond), name="find"),
        path("open-letters/", page(_open_letters), name="open_letters"),
        path("choose/tenant/", page(viewer.choose_tenant), name="choose_tenant"),
        path("choose/zone/", page(viewer.choose_zone), name="choose_zone"),
    ]


def _open_letters(site: AdminSite, request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, "console/letters.html", {"open_letters": context.open_letters(request)})
