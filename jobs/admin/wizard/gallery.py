"""The templates to choose from, as cards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count
from django.http import HttpRequest

from accounts import access
from accounts.models import Tenant
from jobs.models import Job
from scheduler_project.lib.input import number_of
from templates_registry.models import TemplateVersion

MOST_RECENT = 4
LOOKED_AT = 40
RECENT, REST = "You used lately", "All templates"


@dataclass(frozen=True)
class Card:
    template: TemplateVersion
    used_by: int

    @property
    def title(self) -> str:
        return self.template.title or self.template.name

    @property
    def words(self) -> str:
        """What the search looks in."""
        parts = (self.title, self.template.name, self.template.category, self.template.description)
        return " ".join(parts).casefold()


@dataclass(frozen=True)
class Shelf:
    title: str
    cards: list[Card] = field(default_factory=list)


def categories(templates: Iterable[TemplateVersion]) -> list[str]:
    return sorted({template.category for template in templates}, key=str.casefold)


def shelves(
    request: HttpRequest, templates: Iterable[TemplateVersion], *, query: str = "", category: str = ""
) -> list[Shelf]:
    """What the viewer used last, and all; with a query or a category, those that fit."""
    cards = _cards(request, templates)
    wanted = query.casefold().split()
    shown = [
        card
        for card in cards
        if all(word in card.words for word in wanted) and category in ("", card.template.category)
    ]
    by_name = {card.template.name: card for card in cards}
    is_narrowed = bool(wanted or category)
    recent = (
        []
        if is_narrowed or len(cards) <= MOST_RECENT
        else [by_name[name] for name in _recent(request) if name in by_name]
    )
    rest = [card for card in shown if card not in recent]
    found = [Shelf(RECENT, recent), Shelf(REST if recent else "", rest)]
    return [shelf for shelf in found if shelf.cards]


def _cards(request: HttpRequest, templates: Iterable[TemplateVersion]) -> list[Card]:
    jobs = access.visible(Job.objects.filter(archived_at=None), request.user)
    counted = jobs.order_by().values("template__name").annotate(count=Count("pk"))
    used = {row["template__name"]: row["count"] for row in counted}
    return [Card(template, used.get(template.name, 0)) for template in templates]


def _recent(request: HttpRequest) -> list[str]:
    mine = Job.objects.filter(owner_id=request.user.pk).order_by("-created_at")
    names = mine.values_list("template__name", flat=True)[:LOOKED_AT]
    return list(dict.fromkeys(names))[:MOST_RECENT]


def tenant_of(request: HttpRequest, tenants: Any) -> Tenant | None:
    """The one that the form names, else the first."""
    key = number_of(request.POST.get("tenant", ""))
    found: Tenant | None = (tenants.order_by("name") if key is None else tenants.filter(pk=key)).first()
    return found
