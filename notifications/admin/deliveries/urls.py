"""Where the pages of deliveries are."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from notifications.admin.deliveries import list_page
from notifications.admin.deliveries import page as one


def urls(site: AdminSite) -> list[URLPattern]:
    def page(respond: Any) -> Any:
        return site.admin_view(lambda request, *args, **named: respond(site, request, *args, **named))

    base = "notifications/deliveries/"
    return [
        path(base, page(list_page.respond), name="notification_deliveries"),
        path(f"{base}<int:sending_id>/", page(one.respond), name="notification_delivery"),
        path(f"{base}<int:sending_id>/again/", page(one.again), name="notification_delivery_again"),
    ]
