"""Where the pages of rules are."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from notifications.admin.rules import list_page


def urls(site: AdminSite) -> list[URLPattern]:
    def page(respond: Any) -> Any:
        return site.admin_view(lambda request, *args, **named: respond(site, request, *args, **named))

    return [
        path("notifications/", page(list_page.respond), name="notifications"),
        path("notifications/rules/", page(list_page.respond), name="notification_rules"),
    ]
