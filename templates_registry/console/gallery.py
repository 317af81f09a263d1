"""The templates as cards, to find the one that does the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from accounts import access
from accounts.scopes import Scope
from templates_registry.console.traits import traits
from templates_registry.console.usage import count_by_version
from templates_registry.models import TemplateVersion

AVAILABLE, GONE = "", "gone"


@dataclass(frozen=True)
class Card:
    row: TemplateVersion
    traits: SafeString
    uses: int
    behind: int

    @property
    def title(self) -> str:
        return self.row.title or self.row.name

    @property
    def summary(self) -> str:
        return self.row.description.strip().partition("\n\n")[0]


@dataclass(frozen=True)
class Category:
    name: str
    count: int
    query: str
    is_chosen: bool


def respond(request: HttpRequest, site_context: dict[str, Any]) -> HttpResponse:
    wanted = request.GET.get("q", "").strip()[:200]
    chosen = request.GET.get("category", "")[:100]
    shows_gone = request.GET.get("versions") == GONE
    rows = [row for row in _newest(is_available=not shows_gone) if _speaks_of(row, wanted)]
    counts = count_by_version(request)
    cards = [_card(row, counts) for row in rows if chosen in ("", row.category)]
    context = {
        **site_context,
        "title": "Templates",
        "opts": TemplateVersion._meta,
        "cards": cards,
        "categories": _categories(request, rows, chosen),
        "wanted": wanted,
        "chosen": chosen,
        "shows_gone": shows_gone,
        "has_gone": shows_gone or bool(_gone_names()),
        "is_narrowed": bool(wanted or chosen or shows_gone),
        "may_create": access.may_anywhere(request.user, Scope.SCHEDULER_WRITE),
    }
    is_fragment = bool(request.headers.get("HX-Request"))
    name = "cards" if is_fragment else "gallery"
    response = TemplateResponse(request, f"templates_registry/{name}.html", context)
    response["Vary"] = "HX-Request"
    return response


def _newest(*, is_available: bool) -> list[TemplateVersion]:
    """The newest version of each template; of those that are gone, only what the code has in no version."""
    rows = TemplateVersion.objects.order_by("name", "-is_available", "-version").distinct("name")
    return sorted(
        (row for row in rows if row.is_available == is_available),
        key=lambda row: (row.category.casefold(), (row.title or row.name).casefold()),
    )


def _gone_names() -> set[str]:
    here = TemplateVersion.objects.filter(is_available=True).values("name")
    return set(TemplateVersion.objects.filter(~Q(name__in=here)).values_list("name", flat=True)[:1])


def _speaks_of(row: TemplateVersion, wanted: str) -> bool:
    text = f"{row.name} {row.title} {row.category} {row.description}".casefold()
    return all(word in text for word in wanted.casefold().split())


def _card(row: TemplateVersion, counts: dict[tuple[str, int], int]) -> Card:
    uses = {version: count for (name, version), count in counts.items() if name == row.name}
    behind = sum(count for version, count in uses.items() if version < row.version)
    return Card(row, traits(row), sum(uses.values()), behind)


def _categories(request: HttpRequest, rows: list[TemplateVersion], chosen: str) -> list[Category]:
    names = dict.fromkeys(row.category for row in rows)
    found = [("All", "", len(rows)), *((name, name, sum(row.category == name for row in rows)) for name in names)]
    return [Category(label, count, _query(request, value), value == chosen) for label, value, count in found]


def _query(request: HttpRequest, category: str) -> str:
    query = request.GET.copy()
    query.pop("category", None)
    if category:
        query["category"] = category
    return query.urlencode()
