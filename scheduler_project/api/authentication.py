"""Finds out who calls: an API key in a header, or the session of the console with its CSRF token."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import keys
from scheduler_project.api import principal
from scheduler_project.api.principal import Principal

SCHEME = "Bearer"


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer sch_live_…` or `X-API-Key: sch_live_…`. Other kinds of bearer tokens get a class of their
    own before this one."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Principal] | None:
        text = _bearer(request) or request.headers.get("X-API-Key", "").strip()
        if not text:
            return None
        try:
            key = keys.recognise(text, now=timezone.now())
        except keys.UnknownKey as error:
            raise AuthenticationFailed(str(error)) from None
        return AnonymousUser(), principal.of_key(key)

    def authenticate_header(self, request: Request) -> str:
        """What makes the answer a 401, with the header that a 401 must have."""
        return f'{SCHEME} realm="daybook"'


class SessionAuthentication(authentication.SessionAuthentication):
    """The console's own session."""

    def authenticate(self, request: Request) -> tuple[object, Principal] | None:
        found = super().authenticate(request)
        return (found[0], principal.of_user(found[0])) if found else None


def _bearer(request: Request) -> str:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == SCHEME.lower() else ""
