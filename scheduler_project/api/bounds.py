"""How large a request may be: its address, its headers, its body and what the body holds. Refused before it is read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, resolve
from django.utils.decorators import sync_and_async_middleware

from scheduler_project.api.errors import Problem
from scheduler_project.lib.requests import API_PATHS
from scheduler_project.middleware import ACCEPTED_REQUEST_ID, Handler

LONGEST_PATH = 2_048
LONGEST_QUERY = 8_192
LONGEST_HEADER = 8_192
LONGEST_HEADERS = 32_768


@dataclass(frozen=True)
class Bounds:
    """Of one action. `bounds` of a view has those that differ from the usual ones."""

    size: int = 1_000_000  # bytes
    values: int = 20_000
    names: int = 2_000  # of one object
    items: int = 10_000  # of one array


USUAL = Bounds()
IMPORT = Bounds(size=5_000_000, values=200_000)
LARGEST_FORM = 6_000_000  # of the console: a file to import and the form around it


def of_view(view: Any, action: str | None) -> Bounds:
    declared: Mapping[str, Bounds] = getattr(view, "bounds", {})
    return declared.get(action or "", USUAL)


def largest_body(method: str, path: str) -> int:
    """Bytes that a request may bring. Looks up who would answer it, so ask only about a body that is not small."""
    if not path.startswith(API_PATHS):
        return LARGEST_FORM
    try:
        callback: Any = resolve(path).func
    except Resolver404:
        return USUAL.size
    actions: Mapping[str, str] = getattr(callback, "actions", None) or {}
    return of_view(getattr(callback, "cls", None), actions.get(method.lower())).size


def too_large(most: int) -> Problem:
    return Problem(413, "too_large", f"The body is larger than {most} bytes. Send less, or in several requests.")


def refusal(scope: Mapping[str, Any], most: int) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The answer to a body that is too large, for `BoundedBodies`: no request has been made of it yet."""
    offered = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    chosen = offered if ACCEPTED_REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
    headers = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    headers.append((b"x-request-id", chosen.encode()))
    problem = too_large(most)
    if not scope["path"].startswith(API_PATHS):
        return [*headers, (b"content-type", b"text/plain")], problem.message.encode()
    request = HttpRequest()
    request.META["DAYBOOK_REQUEST_ID"] = chosen
    return [*headers, (b"content-type", b"application/json")], json.dumps(problem.body(request)).encode()


def judge(method: str, path: str, query: str, headers: Mapping[str, str]) -> Problem | None:
    """What is wrong with the size of a request, and whether it can be kept, as far as its head tells."""
    if len(path) > LONGEST_PATH:
        return Problem(414, "uri_too_long", f"The path is longer than {LONGEST_PATH} characters.")
    if len(query) > LONGEST_QUERY:
        message = f"The query string is longer than {LONGEST_QUERY} characters. Ask for less at once."
        return Problem(414, "uri_too_long", message)
    if "%00" in query and not path.startswith(API_PATHS):  # the API says which parameter it is
        return Problem(400, "invalid", "The query string holds a NUL character, which no text here has. Leave it out.")
    sizes = {name: len(value) for name, value in headers.items()}
    widest = max(sizes, key=sizes.__getitem__, default="")
    if sizes.get(widest, 0) > LONGEST_HEADER:
        return Problem(
            431, "headers_too_large", f"The header {widest[:100]} is longer than {LONGEST_HEADER} characters."
        )
    if sum(sizes.values()) > LONGEST_HEADERS:
        return Problem(431, "headers_too_large", f"The headers are longer than {LONGEST_HEADERS} characters together.")
    length = headers.get("Content-Length") or ""
    if length.isascii() and length.isdigit() and int(length) > USUAL.size:
        most = largest_body(method, path)
        if int(length) > most:
            return too_large(most)
    return None


@sync_and_async_middleware
def refuse_oversized(get_response: Handler) -> Handler:
    """The head of each request is judged before anybody reads the rest."""

    def refuse(request: HttpRequest) -> HttpResponse | None:
        problem = judge(str(request.method), request.path, request.META.get("QUERY_STRING", ""), request.headers)
        return _answer(request, problem) if problem else None

    if iscoroutinefunction(get_response):

        async def handle_async(request: HttpRequest) -> HttpResponse:
            return refuse(request) or await get_response(request)

        return handle_async

    def handle(request: HttpRequest) -> HttpResponse:
        return refuse(request) or get_response(request)  # type: ignore[return-value]

    return handle


def _answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    if request.path.startswith(API_PATHS):
        return JsonResponse(problem.body(request), status=problem.status)
    return HttpResponse(problem.message, status=problem.status, content_type="text/plain")
