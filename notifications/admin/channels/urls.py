"""Where the pages of channels are."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from notifications.admin.channels import list_page
from notifications.admin.channels import page as one


def urls(site: AdminSite) -> list[URLPattern]:
    def page(respond: Any) -> Any:
        return site.admin_view(lambda request, *args, **named: respond(site, request, *args, **named))

    base = "notifications/channels/"
    return [
        path(base, page(list_page.respond), name="notification_channels"),
        path(f"{base}new/", page(one.new), name="notification_channel_new"),
        path(f"{base}preview/<slug:kind>/", page(one.preview), name="notification_channel_preview"),
        path(f"{base}<int:channel_id>/", page(one.change), name="notification_channel"),
        path(f"{base}<int:channel_id>/test/", page(one.test), name="notification_channel_test"),
        path(f"{base}<int:channel_id>/rotate/", page(one.rotate), name="notification_channel_rotate"),
        path(f"{base}<int:channel_id>/remove/", page(one.remove), name="notification_channel_remove"),
    ]
