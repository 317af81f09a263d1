"""Middleware that answers probes and scrapes before anything else looks at the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils.decorators import sync_and_async_middleware

from scheduler_project import health

ROUTES = "scheduler_project.observability.urls"
PREFIXES = ("/health/", "/metrics", "/actuator/", "/api/v1/health", "/v1/health")


@sync_and_async_middleware
def answer_probes(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Kubernetes and Prometheus call by address, which ALLOWED_HOSTS would refuse; and no login, session or redirect
    should stand between a probe and its answer."""
    if iscoroutinefunction(get_response):

        async def handle_async(request: HttpRequest) -> HttpResponse:
            response: HttpResponse
            match = _find(request)
            if match is None:
                response = await get_response(request)
                return response
            if match.func is health.live:  # waits for nothing, not even for a thread
                return health.live(request)
            response = await sync_to_async(match.func, thread_sensitive=False)(request)
            return response

        return handle_async

    def handle(request: HttpRequest) -> HttpResponse:
        match = _find(request)
        response: HttpResponse = get_response(request) if match is None else match.func(request)
        return response

    return handle


def _find(request: HttpRequest) -> ResolverMatch | None:
    if not request.path_info.startswith(PREFIXES):
        return None
    try:
        return resolve(request.path_info, urlconf=ROUTES)
    except Resolver404:
        return None
