"""The page of all notifications: filters in the address, pages, and what can be done with many."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import access
from accounts.scopes import Scope
from jobs import runtime_flags
from jobs.admin.lists.filter_bar import PAGE, address
from notifications.admin import frame
from notifications.admin.inbox import filters, lines, viewers
from notifications.inbox import reading
from notifications.inbox.readers import Reader
from notifications.rulebook import preferences
from notifications.rules.wording import TYPES
from scheduler_project.lib.input import number_of

PER_PAGE = 50
MOST_COUNTED = 10_000
LOOKED_AT = 200  # for types


def respond(site: AdminSite, request: HttpRequest) -> HttpResponse:
    reader = viewers.reader(request)
    context = {**frame.context(site, request, "Inbox"), **_facts(request, reader)}
    flag = runtime_flags.notifications()
    if not flag.value:
        context["off"] = (
            f"Notifications are switched off by {flag.variable}. Nothing pops up and nothing is sent; what happens is "
            "still written down here."
        )
    return TemplateResponse(request, "notifications/inbox/page.html", context)


def _facts(request: HttpRequest, reader: Reader) -> dict[str, Any]:
    given = filters.given(request.GET)
    parts = reading.parts(reader, filters.read(request.GET))
    # No further than can be counted quickly; what lies deeper is found by filters.
    found = min(sum(part.order_by()[: MOST_COUNTED + 1].count() for part in parts), MOST_COUNTED)
    pages = max(1, -(-found // PER_PAGE))
    number = min(max(number_of(request.GET.get(PAGE, "")) or 1, 1), pages)
    rows = reading.window(parts, (number - 1) * PER_PAGE, PER_PAGE)
    unread = reading.unread_count(reader)
    query = "&".join(filter(None, [address(given).removeprefix("?"), f"{PAGE}={number}" if number > 1 else ""]))
    return {
        "bar": filters.bar(request.GET, _known(request, reader)),
        "lines": lines.lines(rows),
        "found": found,
        "is_cut": found == MOST_COUNTED,
        "number": number,
        "pages": pages,
        "newer_url": _page(given, number - 1) if number > 1 else "",
        "older_url": _page(given, number + 1) if number < pages else "",
        "everything_url": "?",
        "unread": unread,
        "query": query,
        "muted": set(preferences.of_user(reader.user_id).muted_jobs) if reader.user_id is not None else set(),
        "is_first": not found and not given,
    }


def _page(given: dict[str, str], number: int) -> str:
    return address(given) + f"{'&' if given else ''}{PAGE}={number}" if number > 1 else address(given)


def _known(request: HttpRequest, reader: Reader) -> filters.Known:
    tenants = access.tenants(request.user, Scope.NOTIFICATIONS_READ).order_by("name")[:200]
    return filters.Known(dict(tenants.values_list("slug", "name")), _types(reader))


def _types(reader: Reader) -> list[str]:
    """Those that are built in, and those of the newest in the inbox: people choose others, and each sees their own."""
    newest = (
        part.order_by(*reading.ORDER).values_list("type", flat=True)[:LOOKED_AT] for part in reading.parts(reader)
    )
    return sorted(TYPES.union(*newest))
