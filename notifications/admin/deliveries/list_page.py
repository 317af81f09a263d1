"""The list of deliveries, the newest first: narrowed by filters in the address, a page after the other by their ids."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from jobs.admin.lists import filter_bar
from jobs.admin.lists.filter_bar import Bar, Chip, Choice, Filter
from notifications.admin import frame
from notifications.admin.channels import states
from notifications.channels import examples
from notifications.models import Channel, Delivery
from notifications.rules.kinds import ABOUT, Kind, SendingStatus
from scheduler_project.lib import sql
from scheduler_project.lib.input import number_of

PAGE = 50
RECENT = 2_000
"""So many are looked through at a time for the name of a job and for a kind, of which there is no index."""
OFFERED = 200  # channels
OLDER, STATUS, CHANNEL, KIND, SEARCH = "older", "status", "channel", "kind", "q"


def respond(site: AdminSite, request: HttpRequest) -> HttpResponse:
    require(request)
    asked = {name: request.GET.get(name, "")[:200] for name in (SEARCH, STATUS, CHANNEL, KIND, OLDER)}
    bar = _bar(request, asked)
    candidates = _candidates(request, asked)
    last = _last_looked_at(candidates) if _has_no_index(asked) else None
    rows = list(_found(candidates, asked, last)[: PAGE + 1])
    page = rows[:PAGE]
    older = page[-1].pk if len(rows) > PAGE else last
    context = {
        **frame.context(site, request, "Deliveries", title="Notification deliveries"),
        "bar": bar,
        "everything_url": reverse("admin:notification_deliveries"),
        "rows": [row(one) for one in page],
        "is_first_page": not asked[OLDER],
        "newest_url": filter_bar.address(asked),
        "older_url": filter_bar.address(asked, **{OLDER: str(older)}) if older else "",
        "looked_at": RECENT if last else 0,
        "has_channels": access.visible(Channel.objects.all(), request.user).exists(),
        "now": sql.now(),
    }
    return TemplateResponse(request, "notifications/deliveries/list.html", context)


def require(request: HttpRequest) -> None:
    if not access.may_anywhere(request.user, Scope.SCHEDULER_READ):
        raise PermissionDenied(f"Deliveries need the permission {Scope.SCHEDULER_READ} in some tenant.")


def row(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery": delivery,
        "title": examples.of_delivery(delivery, delivery.channel).title(),
        "chip": states.delivery_chip(delivery.status),
        "last": delivery.log[-1] if delivery.log else None,
    }


def _candidates(request: HttpRequest, asked: dict[str, str]) -> Any:
    """By what there is an index of, the newest first."""
    rows = access.visible(Delivery.objects.select_related("channel", "tenant"), request.user)
    if asked[STATUS] in set(SendingStatus):
        rows = rows.filter(status=asked[STATUS])
    if (channel := number_of(asked[CHANNEL])) is not None:
        rows = rows.filter(channel=channel)
    if (older := number_of(asked[OLDER])) is not None:
        rows = rows.filter(pk__lt=older)
    if (one := _one(asked[SEARCH])) is not None:
        rows = rows.filter(one)
    return rows.order_by("-pk")


def _found(candidates: Any, asked: dict[str, str], last: int | None) -> Any:
    rows = candidates if last is None else candidates.filter(pk__gte=last)
    if asked[KIND] in set(Kind):
        rows = rows.filter(facts__kind=asked[KIND])
    if _is_name(asked[SEARCH]):
        rows = rows.filter(facts__job__name__icontains=sql.text(asked[SEARCH].strip()))
    return rows


def _has_no_index(asked: dict[str, str]) -> bool:
    return asked[KIND] in set(Kind) or _is_name(asked[SEARCH])


def _last_looked_at(candidates: Any) -> int | None:
    """The oldest of those that are looked through at once; None when that is all of them."""
    ids: list[int] = list(candidates.values_list("pk", flat=True)[RECENT - 1 : RECENT + 1])
    return ids[0] if len(ids) > 1 else None


def _one(search: str) -> Q | None:
    """By its number, or by the id that the receiver knows; None: it is the name of a job."""
    text = search.strip()
    number = number_of(text)
    if number is not None:
        return Q(pk=number)
    try:
        return Q(uid=UUID(text))
    except ValueError:
        return None


def _is_name(search: str) -> bool:
    return bool(search.strip()) and _one(search) is None


def _bar(request: HttpRequest, asked: dict[str, str]) -> Bar:
    channels = access.visible(Channel.objects.all(), request.user).order_by("name", "pk")
    offered = [(str(pk), name) for pk, name in channels.values_list("pk", "name")[:OFFERED]]
    choices = {
        STATUS: ("Status", "All statuses", [(one.value, words) for one, (words, _, _) in states.OF_DELIVERIES.items()]),
        CHANNEL: ("Channel", "All channels", offered),
        KIND: ("About", "About anything", [(kind.value, ABOUT[kind].label) for kind in Kind]),
    }
    filters, chips = [], []
    if asked[SEARCH]:
        chips.append(Chip("Search", asked[SEARCH], filter_bar.address(asked, **{SEARCH: ""})))
    for name, (title, everything, known) in choices.items():
        shown = tuple(Choice(value, label, value == asked[name]) for value, label in known)
        if shown:
            filters.append(Filter(title, name, everything, shown))
        chips += [Chip(title, one.label, filter_bar.address(asked, **{name: ""})) for one in shown if one.is_chosen]
    return Bar(tuple(filters), tuple(chips), (), asked[SEARCH], bool(chips))
