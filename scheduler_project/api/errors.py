"""The one form of every error under /api/, whoever raised it: a view, DRF, or Django before any view was reached."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db.utils import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, status
from rest_framework.response import Response

from scheduler_project.api import denials
from scheduler_project.lib.requests import API_PATHS

logger = logging.getLogger("django.request")

Fields = dict[str, list[str]]

CODES: dict[type[exceptions.APIException], str] = {
    exceptions.ParseError: "malformed",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "rate_limited",
}

# Where DRF's own words leave open what would be right.
MESSAGES: dict[type[exceptions.APIException], str] = {
    exceptions.NotAuthenticated: "Send an API key or a token in the header `Authorization: Bearer …`.",
    exceptions.UnsupportedMediaType: "Send the body as JSON, with the header `Content-Type: application/json`.",
}


class ApiError(exceptions.APIException):
    """An error with a code of its own; `fields` has messages by path."""

    def __init__(
        self, message: str, *, code: str | None = None, fields: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        super().__init__(message, code)
        self.fields: Fields = {path: list(messages) for path, messages in (fields or {}).items()}


class Invalid(ApiError):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid"

    def __init__(self, fields: Mapping[str, Iterable[str]]) -> None:
        super().__init__("The request is not valid; `fields` says what to change.", fields=fields)


class Conflict(ApiError):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class TooLarge(ApiError):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class Busy(ApiError):
    """Not now; `wait` seconds later perhaps."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "busy"

    def __init__(self, detail: str, *, code: str, wait: int) -> None:
        super().__init__(detail, code=code)
        self.wait = wait


class NotProvisioned(ApiError):
    status_code = status.HTTP_501_NOT_IMPLEMENTED
    default_code = "not_provisioned"


@dataclass(frozen=True)
class Problem:
    """An error as the caller sees it."""

    status: int
    code: str
    message: str
    fields: Fields = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, request: HttpRequest) -> dict[str, Any]:
        request_id = request.META.get("DAYBOOK_REQUEST_ID", "")
        error = {"code": self.code, "message": self.message, "fields": self.fields, "request_id": request_id}
        return {"error": error}


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler."""
    from rest_framework.views import set_rollback  # not above: DRF loads this module while it defines its views

    request = context["request"]._request
    problem = as_problem(_with_methods(error, context.get("view")))
    if problem.status >= 500 and not isinstance(error, ApiError):
        logger.error("%s at %s", type(error).__name__, request.path, exc_info=error)
        got_request_exception.send(sender=None, request=request)
    set_rollback()
    denials.tell(request, status=problem.status, code=problem.code, message=problem.message)
    return Response(problem.body(request), status=problem.status, headers=problem.headers)


def as_problem(error: Exception) -> Problem:
    """What the caller is told about an exception; nothing about one that nobody expected."""
    if isinstance(error, exceptions.APIException):
        return _of_api_exception(error)
    if isinstance(error, Http404):
        return Problem(404, "not_found", str(error) or "There is nothing here.")
    if isinstance(error, DjangoPermissionDenied):
        return Problem(403, "permission_denied", str(error) or "This is not allowed.")
    if isinstance(error, RequestDataTooBig):
        return Problem(413, "too_large", "The body is larger than this server accepts.")
    if isinstance(error, SuspiciousOperation):
        return Problem(400, "malformed", "The request cannot be understood.")
    if isinstance(error, OperationalError | InterfaceError):
        message = "The database did not answer in time. Nothing was changed; try again."
        return Problem(503, "unavailable", message, headers={"Retry-After": "2"})
    return Problem(500, "internal_error", "Something went wrong here. The request id names it in the log.")


def _with_methods(error: Exception, view: Any) -> Exception:
    if isinstance(error, exceptions.MethodNotAllowed):
        methods = ", ".join(getattr(view, "allowed_methods", ()))
        error.detail = exceptions.ErrorDetail(f"This path takes {methods} only.", error.default_code)
    return error


def _of_api_exception(error: exceptions.APIException) -> Problem:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if location := getattr(error, "location", None):
        headers["Location"] = location
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) or 1)
    if isinstance(error, exceptions.ValidationError):
        error = Invalid(flatten(error.detail))
    code = CODES.get(type(error)) or str(error.get_codes())
    message = MESSAGES.get(type(error)) or str(error.detail)
    return Problem(error.status_code, code, message, getattr(error, "fields", {}), headers)


def flatten(detail: Any, path: str = "") -> Fields:
    """DRF's nested messages by path: `schedule.cron`, `tags[0]`; the whole is the empty path."""
    if isinstance(detail, Mapping):
        found: Fields = {}
        for key, part in detail.items():
            inner = path if key == "non_field_errors" else _joined(path, key)
            for where, messages in flatten(part, inner).items():
                found.setdefault(where, []).extend(messages)
        return found
    if isinstance(detail, list) and any(isinstance(part, Mapping | list) for part in detail):
        return {
            where: messages
            for index, part in enumerate(detail)
            for where, messages in flatten(part, f"{path}[{index}]").items()
        }
    return {path: [str(part) for part in detail] if isinstance(detail, list) else [str(detail)]}


def _joined(path: str, key: Any) -> str:
    if isinstance(key, int):  # an entry of a list
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


# --- Django's own error pages -----------------------------------------------------------------------------------------


def _respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    return JsonResponse(problem.body(request), status=problem.status, headers=problem.headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API_PATHS):
        return defaults.bad_request(request, exception)
    return _respond(request, as_problem(exception))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    problem = as_problem(exception)
    denials.tell(request, status=problem.status, code=problem.code, message=problem.message)
    if not request.path.startswith(API_PATHS):
        return defaults.permission_denied(request, exception)
    return _respond(request, problem)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API_PATHS):
        return defaults.page_not_found(request, exception)
    return no_such_path(request)


def server_error(request: HttpRequest) -> HttpResponse:
    if not request.path.startswith(API_PATHS):
        return defaults.server_error(request)
    return _respond(request, as_problem(RuntimeError()))


@csrf_exempt
def no_such_path(request: HttpRequest) -> HttpResponse:
    """The last route under /api/, so that an unknown path gets our form even where Django would show a debug page."""
    return _respond(request, Problem(404, "not_found", f"There is nothing at {request.path[:200]}."))
