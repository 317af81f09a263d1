"""What the pages of notifications share: their tabs, and who may open them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from accounts import access
from accounts.scopes import Scope
from notifications import switch

# Labels, and the names of their pages.
TABS = {
    "Inbox": "notifications",
    "Rules": "notification_rules",
    "Channels": "notification_channels",
    "Deliveries": "notification_deliveries",
    "My settings": "notification_settings",
}


@dataclass(frozen=True)
class Tab:
    label: str
    url: str
    is_current: bool


def context(site: AdminSite, request: HttpRequest, tab: str, *, title: str = "Notifications") -> dict[str, Any]:
    """For a page that extends `notifications/frame.html`. Raises PermissionDenied."""
    if not access.may_anywhere(request.user, Scope.NOTIFICATIONS_READ):
        raise PermissionDenied(f"Notifications need the permission {Scope.NOTIFICATIONS_READ} in some tenant.")
    current = next(one for one in tabs(tab) if one.is_current)
    own = {"title": title, "tabs": tabs(tab), "tab": current, "off": switch.refusal()}
    return {**site.each_context(request), **own}


def tabs(current: str) -> list[Tab]:
    found = ((label, _url(name)) for label, name in TABS.items())
    return [Tab(label, url, label == current) for label, url in found if url]


def _url(name: str) -> str:
    try:
        return reverse(f"admin:{name}")
    except NoReverseMatch:
        return ""
