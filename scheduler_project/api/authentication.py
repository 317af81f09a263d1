"""Finds out who calls: an API key in a header, or the session of the console with its CSRF token."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import keys
from scheduler_project.api import principal
from scheduler_project.api.principal import Principal

SCHEME = "Bearer"
READING = ("GET", "HEAD")


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer sch_live_…` or `X-API-Key: sch_live_…`. Other kinds of bearer tokens get a class of their
    own before this one."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Principal] | None:
        text = _bearer(request) or request.headers.get("X-API-Key", "").strip()
        return (AnonymousUser(), of_key_text(text, method=str(request.method))) if text else None

    def authenticate_header(self, request: Request) -> str:
        """What makes the answer a 401, with the header that a 401 must have."""
        return f'{SCHEME} realm="daybook"'


class SessionAuthentication(authentication.SessionAuthentication):
    """The console's own session."""

    def authenticate(self, request: Request) -> tuple[object, Principal] | None:
        found = super().authenticate(request)
        return (found[0], principal.of_user(found[0])) if found else None


def of_key_text(text: str, *, method: str = "GET") -> Principal:
    """Whoever has this key; while PostgreSQL is away, what it opened of late, to read. Raises AuthenticationFailed."""
    now = timezone.now()
    try:
        key = keys.recognise(text, now=now)
        keys.note_used(key.prefix, now)
        return principal.of_key(key)
    except keys.UnknownKey as error:
        raise AuthenticationFailed(str(error)) from None
    except (OperationalError, InterfaceError):
        last = _last_known(text) if method in READING else None
        if last is None:
            raise
        return last


def _last_known(text: str) -> Principal | None:
    try:
        key = keys.last_known(text, now=timezone.now())
    except keys.UnknownKey as error:
        raise AuthenticationFailed(str(error)) from None
    return principal.as_last_known(principal.of_key(key)) if key is not None else None


def _bearer(request: Request) -> str:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == SCHEME.lower() else ""
