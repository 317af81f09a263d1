"""What the console says instead of a page: not allowed, not found, broken. The API has answers of its own."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse

from scheduler_project.api import denials, errors
from scheduler_project.frame import viewer
from scheduler_project.lib.requests import API_PATHS


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API_PATHS):
        return errors.permission_denied(request, exception)
    problem = errors.as_problem(exception)
    denials.tell(request, status=problem.status, code=problem.code, message=problem.message)
    words = str(exception) or "Your role does not allow this."
    return _respond(request, 403, "Not allowed", words)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API_PATHS):
        return errors.page_not_found(request, exception)
    # What Django's own resolver raises holds the tried routes; ours are sentences.
    words = str(exception) if exception.args and isinstance(exception.args[0], str) else ""
    return _respond(request, 404, "Not found", words or "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(API_PATHS):
        return errors.server_error(request)
    words = "Something went wrong here. What you did not see confirmed may not have been done."
    if "HX-Request" in request.headers:
        return HttpResponse(words, status=500, content_type="text/plain")
    # Without the frame: whatever failed may fail again there.
    page = render_to_string("500.html", {"words": words, "request_id": request.META.get("DAYBOOK_REQUEST_ID", "")})
    return HttpResponse(page, status=500)


def _respond(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    if "HX-Request" in request.headers:
        return HttpResponse(words, status=status, content_type="text/plain")
    facts: dict[str, Any] = {
        "title": title,
        "words": words,
        "request_id": request.META.get("DAYBOOK_REQUEST_ID", ""),
        "looks_at_one": viewer.focus_of(request) is not None,
    }
    return TemplateResponse(request, f"{status}.html", {**site.each_context(request), **facts}, status=status).render()
