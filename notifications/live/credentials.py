"""Who listens: the same credentials as everywhere, looked at again as long as the connection lasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from rest_framework.exceptions import APIException, NotAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import ApiKey
from notifications.live.slots import Slot
from scheduler_project.api.authentication import SessionAuthentication
from scheduler_project.api.principal import Principal

CREDENTIALS = ("HTTP_AUTHORIZATION", "HTTP_X_API_KEY")


class NoLongerGood(Exception):
    """What let the client in does so no more."""


@dataclass(frozen=True)
class Credentials:
    """What came with the request that opened the connection. Never shown or logged."""

    headers: Mapping[str, str] = field(repr=False)
    session: str = field(default="", repr=False)

    @classmethod
    def of(cls, request: HttpRequest) -> Credentials:
        headers = {name: str(request.META[name]) for name in CREDENTIALS if request.META.get(name)}
        return cls(headers, request.COOKIES.get(settings.SESSION_COOKIE_NAME, "") if not headers else "")

    @property
    def is_cookie(self) -> bool:
        return not self.headers

    def principal(self) -> Principal:
        """Raises `APIException` when they open nothing."""
        request = HttpRequest()
        request.method = "GET"
        request.META.update(self.headers)
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(self.session or None)
        request.user = get_user(request)
        authenticators = [kind() for kind in APIView.authentication_classes]
        if self.headers:  # a header that is no good must not be made up for by a cookie
            authenticators = [one for one in authenticators if not isinstance(one, SessionAuthentication)]
        found: Any = Request(request, authenticators=authenticators).auth
        if not isinstance(found, Principal):
            raise NotAuthenticated("Send an API key or a token as `Authorization: Bearer …`, or a ticket, or sign in.")
        return found


class Caller:
    """A client that was let in, and its place among the connections that it may have."""

    def __init__(self, credentials: Credentials) -> None:
        """Raises `APIException`, `NoSlot`."""
        self._credentials = credentials
        self.principal = credentials.principal()
        self._slot = Slot(self.principal.label)

    def renew(self) -> None:
        """Look again. Raises `NoLongerGood`."""
        try:
            principal = self._credentials.principal()
        except APIException as error:
            raise NoLongerGood(str(error.detail)) from None
        if principal.label != self.principal.label:
            raise NoLongerGood(f"The credentials are no longer those of {self.principal.label}.")
        # What is remembered of a key may be seconds old, on top of the time until we look.
        if principal.key and not ApiKey.objects.filter(pk=principal.key.pk, revoked_at=None).exists():
            raise NoLongerGood(f"The API key {principal.key.prefix} was revoked.")
        self.principal = principal

    def keep_slot(self) -> None:
        self._slot.keep()

    def leave(self) -> None:
        self._slot.give_up()
