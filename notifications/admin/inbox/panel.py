"""What the bell opens: the newest notifications, and the inside of the bell itself, each read again by the page."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from notifications.admin.inbox import glance, lines, viewers
from notifications.inbox import reading
from notifications.inbox.reading import ALL, Wanted
from notifications.rules.kinds import Severity

SHOWN = 20
SHOWS = {"": ALL, "unread": Wanted(unread=True), "failures": Wanted(severity=Severity.ERROR.value)}


def respond(site: AdminSite, request: HttpRequest) -> HttpResponse:
    reader = viewers.reader(request)
    show = request.GET.get("show", "")
    rows = reading.newest(reading.parts(reader, SHOWS.get(show, ALL)), most=SHOWN + 1)
    facts = {"lines": lines.lines(rows[:SHOWN]), "has_more": len(rows) > SHOWN, "show": show if show in SHOWS else ""}
    return TemplateResponse(request, "notifications/inbox/panel_list.html", facts)


def bell(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Asked for while no connection tells of changes."""
    viewers.reader(request)
    return TemplateResponse(request, "notifications/inbox/bell.html", {"bell": glance.of(request)})
