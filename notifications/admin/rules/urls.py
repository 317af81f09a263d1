"""Where the pages of rules are."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from notifications.admin.rules import doing, editor, list_page


def urls(site: AdminSite) -> list[URLPattern]:
    def page(respond: Any) -> Any:
        return site.admin_view(lambda request, *args, **named: respond(site, request, *args, **named))

    one, default = "notifications/rules/<int:rule_id>/", "notifications/rules/default/<slug:tenant>/"
    return [
        path("notifications/rules/", page(list_page.respond), name="notification_rules"),
        path("notifications/rules/add/", page(editor.add), name="notification_rule_add"),
        path("notifications/rules/preview/", page(editor.show_preview), name="notification_rule_preview"),
        path(one, page(editor.edit), name="notification_rule"),
        path(f"{one}switch/", page(doing.switch), name="notification_rule_switch"),
        path(f"{one}remove/", page(doing.remove), name="notification_rule_remove"),
        path(default, page(editor.edit_default), name="notification_default_rule"),
        path(f"{default}switch/", page(doing.switch_default), name="notification_default_rule_switch"),
        path(f"{default}remove/", page(doing.remove_default), name="notification_default_rule_remove"),
    ]
