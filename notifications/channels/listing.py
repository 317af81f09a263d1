"""Reads channels and deliveries for pages and the API: each with what became of the newest of it."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject

from notifications.models import Channel, Delivery
from notifications.rules.kinds import SendingStatus

NEWEST = JSONObject(id="id", status="status", reason="reason", at="last_at", tries="tries")


def channels() -> QuerySet[Channel]:
    """With `newest`, the newest delivery of each in short, or None."""
    newest = Delivery.objects.filter(channel=OuterRef("pk")).order_by("-pk").values(found=NEWEST)[:1]
    return Channel.objects.select_related("tenant").annotate(newest=Subquery(newest))


def find_channels(
    rows: QuerySet[Channel], *, kind: str = "", tenant: str = "", q: str = "", enabled: bool | None = None
) -> QuerySet[Channel]:
    """In the order of their names. `q` is looked for in names."""
    wanted: dict[str, Any] = {"kind": kind, "tenant__slug": tenant, "name__icontains": q}
    found = rows.filter(**{name: value for name, value in wanted.items() if value})
    return (found if enabled is None else found.filter(is_enabled=enabled)).order_by("name", "id")


def find_deliveries(
    rows: QuerySet[Delivery],
    *,
    channel: int | None = None,
    rule: int | None = None,
    status: str = "",
    severity: str = "",
    type: str = "",  # noqa: A002
    tenant: str = "",
) -> QuerySet[Delivery]:
    """The newest first."""
    wanted: dict[str, Any] = {
        "channel_id": channel,
        "rule_id": rule,
        "status": status,
        "severity": severity,
        "type": type,
        "tenant__slug": tenant,
    }
    return rows.filter(**{name: value for name, value in wanted.items() if value}).order_by("-id")


def waiting_and_dead(channel_ids: list[int]) -> dict[int, tuple[int, int]]:
    """How many deliveries of each channel wait, and how many are dead; channels without any are left out."""
    waiting, dead = SendingStatus.WAITING.value, SendingStatus.DEAD.value
    rows = (
        Delivery.objects.filter(channel_id__in=channel_ids, status__in=[waiting, dead])
        .order_by()
        .values_list("channel_id")
        .annotate(waiting=Count("id", filter=Q(status=waiting)), dead=Count("id", filter=Q(status=dead)))
    )
    return {channel: (waiting, dead) for channel, waiting, dead in rows}
