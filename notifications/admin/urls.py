"""The pages of notifications, below /admin/notifications/; each package of this one adds its own."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.urls import URLPattern

from notifications.admin import channels, deliveries, inbox, rules


def urls(site: AdminSite) -> list[URLPattern]:
    return [*inbox.urls(site), *rules.urls(site), *channels.urls(site), *deliveries.urls(site)]
