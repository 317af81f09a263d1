"""Whether the page that a browser speaks for may listen: ours, or one of the trusted origins."""

from __future__ import annotations

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware


class WrongOrigin(Exception):
    """A page that may not use its visitor's credentials here, or a browser that does not say which page it is."""


class _Origins(CsrfViewMiddleware):
    """Django's own rule for requests that change something: the scheme and host asked for, or CSRF_TRUSTED_ORIGINS."""

    def allows(self, request: HttpRequest) -> bool:
        try:
            return bool(self._origin_verified(request))  # type: ignore[attr-defined]
        except DisallowedHost:
            return False


def _never(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def check(request: HttpRequest, *, is_cookie: bool, is_stream: bool = False) -> None:
    """Browsers send cookies with whatever page asks, so a cookie counts only with an origin that may; programs have no
    origin. For a stream of the same page browsers say so in Sec-Fetch-Site instead. Raises `WrongOrigin`."""
    origin = request.META.get("HTTP_ORIGIN", "")
    if origin and not _Origins(_never).allows(request):
        raise WrongOrigin(
            f"Pages of {origin[:200]} may not listen here. "
            "Whoever runs Daybook can add the origin to DAYBOOK_TRUSTED_ORIGINS."
        )
    if not is_cookie or origin:
        return
    if is_stream and request.META.get("HTTP_SEC_FETCH_SITE") == "same-origin":
        return
    raise WrongOrigin(
        "With a session, the request must say which page it comes from (Origin). Programs use an API key."
    )
