"""Hands every call of the API to the record of requests, once it is answered."""

from __future__ import annotations

import time
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlencode

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from accounts.request_log.outbox import OUTBOX
from scheduler_project.lib import origin, sql
from scheduler_project.lib.masking import NAMED
from scheduler_project.lib.requests import API_PATHS
from scheduler_project.lib.text_masking import MASK

LONGEST_PATH = 500
TICKET = "ticket"  # of a live connection; the name says nothing of a secret elsewhere


@sync_and_async_middleware
def record_requests(get_response: Any) -> Any:
    if iscoroutinefunction(get_response):

        async def handle_async(request: HttpRequest) -> HttpResponse:
            if not _is_recorded(request):
                return await get_response(request)  # type: ignore[no-any-return]
            at, started = time.time(), time.perf_counter()
            response: HttpResponse = await get_response(request)
            OUTBOX.put(record_of(request, response, at=at, seconds=time.perf_counter() - started))
            return response

        return handle_async

    def handle(request: HttpRequest) -> HttpResponse:
        if not _is_recorded(request):
            return get_response(request)  # type: ignore[no-any-return]
        at, started = time.time(), time.perf_counter()
        response: HttpResponse = get_response(request)
        OUTBOX.put(record_of(request, response, at=at, seconds=time.perf_counter() - started))
        return response

    return handle


def _is_recorded(request: HttpRequest) -> bool:
    return request.path.startswith(API_PATHS) and settings.DAYBOOK_REQUEST_LOG_DAYS > 0


def record_of(request: HttpRequest, response: HttpResponse, *, at: float, seconds: float) -> dict[str, Any]:
    where = origin.current.get()
    match = request.resolver_match
    refusal = getattr(request, "daybook_refusal", None)
    return {
        "kind": "request",
        "number": str(uuid.uuid4()),
        "at": at,
        "method": sql.text(request.method or "")[:10],
        "route": (match.url_name or "") if match else "",
        "path": path_of(request),
        "status": response.status_code,
        "milliseconds": round(seconds * 1000, 2),
        "bytes": None if response.streaming else len(response.content),
        "tenant_id": _tenant_of(request),
        "principal": str(getattr(getattr(request, "auth", None), "label", ""))[:200],
        "address": where.address,
        "request_id": request.META.get("DAYBOOK_REQUEST_ID", ""),
        **({"refusal": refusal} if refusal else {}),
    }


def path_of(request: HttpRequest) -> str:
    """With the query, but for what a name says is secret."""
    query = request.META.get("QUERY_STRING", "")
    if not query:
        return sql.text(request.path)[:LONGEST_PATH]
    pairs = [
        (name, MASK if NAMED.search(name) or name == TICKET else value)
        for name, value in parse_qsl(query[:2_000], keep_blank_values=True)
    ]
    return sql.text(f"{request.path}?{urlencode(pairs, safe='*/:,')}")[:LONGEST_PATH]


def _tenant_of(request: HttpRequest) -> int | None:
    """That of the row at hand; else the only one in which the caller holds anything."""
    at_hand: int | None = getattr(request, "daybook_tenant", None)
    scopes = getattr(getattr(request, "auth", None), "scopes", None)
    if at_hand is None and scopes and len(scopes) == 1:
        return int(next(iter(scopes)))
    return at_hand
