"""Where the inbox is."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from notifications.admin.inbox import changes, list_page, panel, settings_page


def urls(site: AdminSite) -> list[URLPattern]:
    def page(respond: Any) -> Any:
        return site.admin_view(lambda request, *args, **named: respond(site, request, *args, **named))

    return [
        path("notifications/", page(list_page.respond), name="notifications"),
        path("notifications/panel/", page(panel.respond), name="notification_panel"),
        path("notifications/bell/", page(panel.bell), name="notification_bell"),
        path("notifications/read/", page(changes.read_many), name="notifications_read"),
        path("notifications/clear/", page(changes.clear_many), name="notifications_clear"),
        path("notifications/<int:pk>/read/", page(changes.read_one), name="notification_read"),
        path("notifications/mute/", page(settings_page.mute), name="notification_mute"),
        path("notifications/settings/", page(settings_page.respond), name="notification_settings"),
    ]
