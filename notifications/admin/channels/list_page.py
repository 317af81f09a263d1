"""The list of channels: how each does, how its newest delivery ended, how much waits, and which rules use it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import access
from accounts.scopes import Scope
from notifications.admin import frame
from notifications.admin.channels import states
from notifications.channels import registry
from notifications.models import Channel, Delivery
from notifications.rules.kinds import SendingStatus
from scheduler_project.lib import sql

PAGE = 50


def respond(site: AdminSite, request: HttpRequest) -> HttpResponse:
    if not access.may_anywhere(request.user, Scope.SCHEDULER_READ):
        raise PermissionDenied(f"Channels need the permission {Scope.SCHEDULER_READ} in some tenant.")
    now = sql.now()
    page = Paginator(found(request), PAGE).get_page(request.GET.get("page"))
    context = {
        **frame.context(site, request, "Channels", title="Notification channels"),
        "page": page,
        "rows": [row(channel, now) for channel in page],
        "names_tenants": access.tenants(request.user).count() > 1,
        "may_create": access.may_anywhere(request.user, Scope.SCHEDULER_WRITE),
        "kinds": registry.all_types(),
    }
    return TemplateResponse(request, "notifications/channels/list.html", context)


def found(request: HttpRequest) -> Any:
    last = Delivery.objects.filter(channel=OuterRef("pk"), ended_at__isnull=False).order_by("-id")
    waiting = Delivery.objects.filter(channel=OuterRef("pk"), next_try_at__isnull=False).order_by()
    count = waiting.values("channel").annotate(count=Count("pk")).values("count")
    channels = access.visible(Channel.objects.select_related("tenant"), request.user)
    return channels.annotate(
        last_id=Subquery(last.values("pk")[:1]),
        last_status=Subquery(last.values("status")[:1]),
        last_at=Subquery(last.values("ended_at")[:1]),
        waiting=Coalesce(Subquery(count), 0),
        used_by=Count("rules", filter=Q(rules__is_enabled=True)),
    ).order_by("name", "pk")


def row(channel: Any, now: datetime) -> dict[str, Any]:
    is_new = channel.minute_started_at is None or (now - channel.minute_started_at).total_seconds() >= 60
    return {
        "channel": channel,
        "kind": registry.type_of(channel.kind).label,
        "state": states.state_of(channel, now),
        "last": states.delivery_chip(channel.last_status) if channel.last_status else "",
        "sent": 0 if is_new else channel.minute_sent,
        "has_failed": channel.last_status == SendingStatus.DEAD,
    }
