"""Lets a client in: where it comes from, who it is, and whether it has a place left. Errors are those of the API."""

from __future__ import annotations

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from rest_framework import status
from rest_framework.exceptions import PermissionDenied

from notifications.live import origins, tickets
from notifications.live.credentials import Caller, Credentials
from notifications.live.origins import WrongOrigin
from notifications.live.slots import KEPT, NoSlot
from notifications.live.tickets import UnknownTicket
from scheduler_project.api.errors import ApiError, Busy
from scheduler_project.lib.quick_redis import RedisIsAway


class ForeignPage(PermissionDenied):
    default_code = "wrong_origin"


class WrongHost(ApiError):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "malformed"


class WrongTicket(ApiError):
    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "unknown_ticket"


class TooManyConnections(ApiError):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_connections"
    wait = int(KEPT)


def credentials_of(request: HttpRequest, *, is_stream: bool) -> Credentials:
    """Those of the ticket in the query, or of the headers, or of the session; a page's only when it may use them."""
    try:
        request.get_host()
    except DisallowedHost:
        raise WrongHost("This server does not answer to that host name.") from None
    ticket = request.GET.get("ticket", "")
    found = _redeemed(ticket) if ticket else Credentials.of(request)
    try:
        origins.check(request, is_cookie=found.is_cookie and bool(found.session) and not ticket, is_stream=is_stream)
    except WrongOrigin as error:
        raise ForeignPage(str(error)) from None
    return found


def admit(credentials: Credentials) -> Caller:
    try:
        return Caller(credentials)
    except NoSlot as error:
        raise TooManyConnections(str(error)) from None


def _redeemed(ticket: str) -> Credentials:
    try:
        return tickets.redeem(ticket)
    except UnknownTicket as error:
        raise WrongTicket(str(error)) from None
    except RedisIsAway:
        raise Busy("Tickets cannot be read just now.", code="unavailable", wait=2) from None
