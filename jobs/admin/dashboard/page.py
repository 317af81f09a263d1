"""The first page: its top at once, the rest as it comes into view, each part read again when something has changed."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts import access
from accounts.scopes import Scope
from jobs.admin.dashboard import events, panels, start, tree
from jobs.admin.dashboard.panels import PANELS, Panel
from jobs.admin.dashboard.viewer import Viewer

MOST_ASKED = 2_000  # characters of an address


def facts(request: HttpRequest) -> dict[str, Any]:
    if not access.may_anywhere(request.user, Scope.SCHEDULER_READ):
        return {"sees_nothing": True}
    viewer = Viewer.of(request)
    everything = request.GET.get("all") == "1"
    if start.is_needed(viewer):
        return {"start": _context(PANELS["start"], viewer)}
    return {
        "may_write": viewer.may_write,
        "first": _context(PANELS[panels.FIRST], viewer),
        "stacks": [[_context(panel, viewer, is_built=everything) for panel in stack] for stack in panels.stacks()],
        "everything": everything,
    }


def urls(site: AdminSite) -> list[URLPattern]:
    view = site.admin_view
    return [
        path("dashboard/events/new/", view(_new_events), name="dashboard_new_events"),
        path("dashboard/tree/leaves/", view(_leaves), name="dashboard_leaves"),
        path("dashboard/<slug:name>/", view(_part), name="dashboard_part"),
    ]


def _part(request: HttpRequest, name: str) -> HttpResponse:
    if name not in PANELS:
        raise Http404(f"The dashboard has no part {name}.")
    panel, viewer = PANELS[name], _viewer(request)
    context = _context(panel, viewer)
    is_continued = bool(context.get("is_continued")) and "HX-Request" in request.headers
    template = f"jobs/dashboard/{name}_rows.html" if is_continued else panel.template
    response = TemplateResponse(request, template, {"part": context})
    if panel.name == "start" and not start.is_needed(viewer):
        response.headers["HX-Refresh"] = "true"  # from here on there is something to show
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    if panel.asks and not is_continued and page.path == reverse("admin:index") and len(page.query) < MOST_ASKED:
        response.headers["HX-Replace-Url"] = _address(panel, viewer, dict(parse_qsl(page.query)))
    return response


def _new_events(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, "jobs/dashboard/events_new.html", {"part": events.new_since(_viewer(request))})


def _leaves(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, "jobs/dashboard/tree_leaves.html", {"part": tree.leaves(_viewer(request))})


def _viewer(request: HttpRequest) -> Viewer:
    if not access.may_anywhere(request.user, Scope.SCHEDULER_READ):
        raise PermissionDenied("The dashboard needs the scope scheduler:read in some tenant.")
    return Viewer.of(request)


def _context(panel: Panel, viewer: Viewer, *, is_built: bool = True) -> dict[str, Any]:
    query = urlencode({name: value for name in panel.asks if (value := viewer.request.GET.get(name))})
    found = panel.build(viewer) if is_built else {}
    return {
        **found,
        "panel": panel,
        "panel_url": panel.url + (f"?{query}" if query else ""),
        "is_built": is_built,
        "now": viewer.now,
    }


def _address(panel: Panel, viewer: Viewer, page: dict[str, str]) -> str:
    """The page's own, with what this part was asked for just now."""
    others = {name: value for name, value in page.items() if name not in panel.asks}
    mine = {name: value for name in panel.asks if (value := viewer.request.GET.get(name))}
    query = urlencode({**others, **mine})
    return reverse("admin:index") + (f"?{query}" if query else "")
