"""The filter of a list by when its rows were created: the last hours or days, or from one instant to another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib import admin
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from scheduler_project.lib import sql, viewer_zone

SPANS: dict[str, tuple[str, timedelta]] = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
FROM_TO = "range"
ENDS = ("since", "until", "zone")


class RangeFilter(admin.SimpleListFilter):
    """`when` names a span; `since` and `until` are read in `zone`, so that an address means the same to everybody."""

    title = "created"
    parameter_name = "when"
    everything = "Any time"
    beside = ENDS

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.zone_name = request.GET.get("zone") or viewer_zone.name()
        self.texts = {name: request.GET.get(name, "")[:40] for name in ("since", "until")}
        zone = _zone(self.zone_name)
        self.since, self.until = (_read(self.texts[name], zone) for name in ("since", "until"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((key, label) for key, (label, _) in SPANS.items()), (FROM_TO, "From … to …")]

    def value(self) -> str | None:
        given = super().value()
        if given in SPANS:
            return str(given)
        return FROM_TO if self.since or self.until else None

    @property
    def is_open(self) -> bool:
        return self.value() == FROM_TO

    def label(self) -> str:
        """Of its chip."""
        if self.value() != FROM_TO:
            return SPANS[self.value() or ""][0]
        ends = [text.replace("T", " ") for text in self.texts.values()]
        words = f"{ends[0]} to {ends[1]}" if all(ends) else (f"from {ends[0]}" if ends[0] else f"to {ends[1]}")
        return f"{words} ({self.zone_name})"

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        asked = self.value()
        if asked in SPANS:
            return queryset.filter(created_at__gte=sql.now() - SPANS[asked][1])
        if self.since:
            queryset = queryset.filter(created_at__gte=self.since)
        return queryset.filter(created_at__lt=self.until) if self.until else queryset


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if len(name) <= 64 else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _read(text: str, zone: tzinfo) -> datetime | None:
    """None for what is no instant."""
    try:
        found = parse_datetime(text) if text else None
        return None if found is None else (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
