"""HTTP middleware of our own: the request id, where a request comes from, and the headers that bind browsers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from scheduler_project.lib import origin, viewer_zone
from scheduler_project.lib.client_address import client_address
from scheduler_project.lib.requests import API_PATHS

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")

ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)

# For what is no page: it loads nothing, wherever a browser may open it.
NO_PAGE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), publickey-credentials-get=(), usb=()"
    ),
}

Handler = Callable[[HttpRequest], HttpResponse] | Callable[[HttpRequest], Awaitable[HttpResponse]]


def _after(
    get_response: Handler, before: Callable[[HttpRequest], None], after: Callable[[HttpRequest, HttpResponse], None]
) -> Handler:
    """A middleware, sync or async like what it wraps, out of two plain functions."""
    if iscoroutinefunction(get_response):

        async def handle_async(request: HttpRequest) -> HttpResponse:
            before(request)
            response: HttpResponse = await get_response(request)
            after(request, response)
            return response

        return handle_async

    def handle(request: HttpRequest) -> HttpResponse:
        before(request)
        response = get_response(request)
        assert isinstance(response, HttpResponse) or hasattr(response, "headers")
        after(request, response)  # type: ignore[arg-type]
        return response  # type: ignore[return-value]

    return handle


@sync_and_async_middleware
def request_id(get_response: Handler) -> Handler:
    """Give each request an id (the caller's own X-Request-ID when it is well-formed) and send it back."""

    def before(request: HttpRequest) -> None:
        offered = request.headers.get("X-Request-ID", "")
        chosen = offered if ACCEPTED_REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
        current_request_id.set(chosen)
        request.META["DAYBOOK_REQUEST_ID"] = chosen
        origin.current.set(_origin(request, chosen))

    def after(request: HttpRequest, response: HttpResponse) -> None:
        response.headers["X-Request-ID"] = request.META["DAYBOOK_REQUEST_ID"]

    return _after(get_response, before, after)


def _origin(request: HttpRequest, request_id: str) -> origin.Origin:
    via = "api" if request.path.startswith(API_PATHS) else "admin"
    address = client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.headers.get("X-Forwarded-For", ""),
        trusted=settings.DAYBOOK_TRUSTED_PROXIES,
    )
    return origin.Origin(via, address, request_id, str(request.method), request.path[:500])


@sync_and_async_middleware
def zone_of_viewer(get_response: Handler) -> Handler:
    """Pages show times in the zone that the viewer has chosen."""

    def before(request: HttpRequest) -> None:
        viewer_zone.choose(request.COOKIES.get(viewer_zone.COOKIE, ""))

    return _after(get_response, before, lambda request, response: None)


@sync_and_async_middleware
def security_headers(get_response: Handler) -> Handler:
    """On every answer, whoever gives it: views, static files, probes, errors. A view may have set one of its own."""

    def after(request: HttpRequest, response: HttpResponse) -> None:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        response.headers.setdefault("Content-Security-Policy", POLICY if is_page else NO_PAGE_POLICY)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)

    return _after(get_response, lambda request: None, after)
