"""Middleware: what the console cannot do while the scheduler is switched off is said on the page it was asked from."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme

from jobs.runtime_flags import SchedulerDisabled


class SwitchedOffMiddleware(MiddlewareMixin):
    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The API has an answer of its own; see `jobs.api.base`."""
        if not isinstance(exception, SchedulerDisabled) or not request.path.startswith(reverse("admin:index")):
            return None
        messages.error(request, str(exception))
        came_from: Any = request.headers.get("Referer", "")
        if not url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure()):
            came_from = reverse("admin:index")
        return HttpResponseRedirect(came_from)
