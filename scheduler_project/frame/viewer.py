"""What viewers of the console choose for themselves, each in a cookie: the one tenant they look at, and their zone."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import access, focus
from accounts.models import Tenant
from scheduler_project.frame import navigation
from scheduler_project.lib import viewer_zone
from scheduler_project.lib.input import number_of

TENANT_COOKIE = "daybook_tenant"
YEAR = 365 * 24 * 3600
MOST_TENANTS = 200


def focus_of(request: HttpRequest) -> Tenant | None:
    """The tenant they look at, as long as they may. Whatever else the cookie says counts as nothing."""
    try:
        chosen = request.get_signed_cookie(TENANT_COOKIE, default="", salt=TENANT_COOKIE)
    except signing.BadSignature:
        return None
    key = number_of(chosen or "")
    if key is None or not request.user.is_authenticated:
        return None
    with focus.on(None):
        return access.tenants(request.user).filter(pk=key).first()


def tenants_of(request: HttpRequest) -> list[Tenant]:
    """All that they may choose from; nothing to choose with less than two."""
    with focus.on(None):
        found = list(access.tenants(request.user).order_by("name")[:MOST_TENANTS])
    return found if len(found) > 1 else []


def choose_tenant(site: AdminSite, request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    wanted = number_of(request.POST.get("tenant", ""))
    came_from = _came_from(request)
    with focus.on(None):
        found = access.tenants(request.user).filter(pk=wanted).first() if wanted is not None else None
    # The page of one row may be of another tenant; its list is there for all.
    response = HttpResponseRedirect(came_from if found is None else _without_row(came_from, site, request))
    if found is None:
        response.delete_cookie(TENANT_COOKIE, samesite="Lax")
    else:
        response.set_signed_cookie(
            TENANT_COOKIE,
            str(found.pk),
            salt=TENANT_COOKIE,
            max_age=YEAR,
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )
    return response


def choose_zone(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """A name that is no zone changes nothing."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    response = HttpResponseRedirect(_came_from(request))
    zone = request.POST.get("zone", "").strip()
    if zone in zones():
        response.set_cookie(viewer_zone.COOKIE, zone, max_age=YEAR, secure=request.is_secure(), samesite="Lax")
    else:
        messages.error(request, f"“{zone[:64]}” is no time zone. Choose one like Europe/Berlin.")
    return response


def zones() -> set[str]:
    return available_timezones()


def _came_from(request: HttpRequest) -> str:
    wanted: Any = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, None) and wanted.startswith("/")
    return wanted if is_ours else reverse("admin:index")


def _without_row(path: str, site: AdminSite, request: HttpRequest) -> str:
    try:
        found = resolve(path.partition("?")[0])
    except Resolver404:
        return reverse("admin:index")
    if not found.kwargs and not found.args:
        return path
    links = [link for group in navigation.groups(site, request) for link in group.all if link.target != "page:index"]
    return next((link.url for link in links if path.startswith(link.url)), reverse("admin:index"))
