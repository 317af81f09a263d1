"""How HTTP requests are handled under ASGI: in the event loop what needs no database, then each request in one thread.

Django's own handler starts a thread for each request and leaves it for the event loop and back around each middleware,
which costs a fifth of all processor time here. These threads stay, and what a connection has learned stays with them.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.urls import set_urlconf
from django.utils.module_loading import import_string

THREADS = 16  # with those of the live channel, as many as the pool has connections


class ThreadedHandler(ASGIHandler):
    """`settings.LOOP_MIDDLEWARE` says how many of the first middlewares run in the event loop."""

    def load_middleware(self, is_async: bool = False) -> None:
        whole = settings.MIDDLEWARE
        in_loop = whole[: settings.LOOP_MIDDLEWARE]
        settings.MIDDLEWARE = whole[settings.LOOP_MIDDLEWARE :]  # Django loads no other
        try:
            super().load_middleware(is_async=False)
        finally:
            settings.MIDDLEWARE = whole
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="web")
        respond: Any = self._respond_in_thread
        for path in reversed(in_loop):
            respond = import_string(path)(respond)
        self._respond = respond

    async def get_response_async(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = await self._respond(request)
        response._resource_closers.append(request.close)  # type: ignore[attr-defined]
        return response

    async def _respond_in_thread(self, request: HttpRequest) -> HttpResponse:
        # With a copy of the context, as asgiref gives one to its threads.
        call = copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, self._respond_here, request)

    def _respond_here(self, request: HttpRequest) -> HttpResponse:
        set_urlconf(settings.ROOT_URLCONF)
        try:
            return self._middleware_chain(request)  # type: ignore[attr-defined,no-any-return]
        finally:
            close_old_connections()  # Django's own signal does so in a thread of its own choice
