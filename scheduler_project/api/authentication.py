"""Finds out who calls: an API key or a person's token in a header, or the session of the console with its CSRF token.

While PostgreSQL is away, keys and tokens that were good within the last minutes are still let in, to read only.
"""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import keys, tokens
from scheduler_project.api import principal
from scheduler_project.api.principal import Principal

SCHEME = "Bearer"
CHALLENGE = f'{SCHEME} realm="daybook"'
READING = ("GET", "HEAD")


class BearerAuthentication(authentication.BaseAuthentication):
    def authenticate_header(self, request: Request) -> str:
        """What makes the answer a 401, with the header that a 401 must have."""
        return CHALLENGE


class TokenAuthentication(BearerAuthentication):
    """`Authorization: Bearer eyJ…`, of `POST /api/v1/token`."""

    def authenticate(self, request: Request) -> tuple[object, Principal] | None:
        text = _bearer(request)
        if not _is_token(text):
            return None
        found = of_token_text(text, method=str(request.method))
        return found.user or AnonymousUser(), found


class ApiKeyAuthentication(BearerAuthentication):
    """`Authorization: Bearer sch_live_…` or `X-API-Key: sch_live_…`."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Principal] | None:
        text = _bearer(request) or request.headers.get("X-API-Key", "").strip()
        return (AnonymousUser(), of_key_text(text, method=str(request.method))) if text else None


class SessionAuthentication(authentication.SessionAuthentication):
    """The console's own session."""

    def authenticate(self, request: Request) -> tuple[object, Principal] | None:
        found = super().authenticate(request)
        return (found[0], principal.of_user(found[0])) if found else None


def of_key_text(text: str, *, method: str = "GET") -> Principal:
    """Raises AuthenticationFailed."""
    now = timezone.now()
    try:
        key = keys.recognise(text, now=now)
        keys.note_used(key.prefix, now)
        return principal.of_key(key)
    except keys.UnknownKey as error:
        raise AuthenticationFailed(str(error)) from None
    except (OperationalError, InterfaceError):
        try:
            last = keys.last_known(text, now=now) if method in READING else None
        except keys.UnknownKey as error:
            raise AuthenticationFailed(str(error)) from None
        if last is None:
            raise
        return principal.as_last_known(principal.of_key(last))


def of_token_text(text: str, *, method: str = "GET") -> Principal:
    """Raises AuthenticationFailed."""
    try:
        return principal.of_token(tokens.recognise(text))
    except tokens.UnknownToken as error:
        raise AuthenticationFailed(str(error)) from None
    except (OperationalError, InterfaceError):
        last = tokens.last_known(text) if method in READING else None
        if last is None:
            raise
        return principal.as_last_known(principal.of_token(last))


def _is_token(text: str) -> bool:
    return text.count(".") == 2


def _bearer(request: Request) -> str:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == SCHEME.lower() else ""
