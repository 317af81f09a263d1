"""Asks the policy server about each change, over the API and in the console, before anything is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.deprecation import MiddlewareMixin
from rest_framework import status
from rest_framework.request import Request

from accounts import access
from scheduler_project.api import principal as principals
from scheduler_project.api.errors import ApiError, Busy
from scheduler_project.api.permissions import required_scope
from scheduler_project.api.principal import Principal
from scheduler_project.lib import masking, origin, telemetry
from scheduler_project.lib.policy_server import Decision, PolicyServer, PolicyUnavailable
from scheduler_project.lib.requests import API_PATHS, READERS, TENANT_HEADER

OF_THE_VIEWER = ("login", "logout", "choose_tenant", "choose_zone")  # nothing of a job or of anybody else changes
LARGEST_BODY = 65_536  # characters of JSON; of a larger one the policy learns only that there is one


class PolicyDenied(ApiError):
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "policy_denied"


def judge(view: Any, request: Request) -> None:
    """For a request whose caller may do what it asks for. Raises `PolicyDenied`, or `Busy` when nobody can tell."""
    action = str(getattr(view, "action", "") or "")
    if not settings.DAYBOOK_POLICY_URL or request.method in READERS or not isinstance(request.auth, Principal):
        return
    if (required_scope(view, action) or "").endswith(":read"):
        return  # a question that takes a body
    decision = _decide(_of_api(request, action))
    if decision is None:
        raise Busy(_no_answer(), code="policy_unavailable", wait=2)
    if not decision.is_allowed:
        raise PolicyDenied(_denial(decision))


class AskAboutConsole(MiddlewareMixin):
    """Changes in the console, of people who are signed in."""

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> HttpResponse | None:
        if not settings.DAYBOOK_POLICY_URL or request.method in READERS or request.path.startswith(API_PATHS):
            return None
        match = request.resolver_match
        if match is None or match.url_name in OF_THE_VIEWER or not request.user.is_authenticated:
            return None
        decision = _decide(_of_console(request, kwargs))
        if decision is None:
            context = {"words": _no_answer(), "title": "Not now"}
            answer = TemplateResponse(request, "403.html", context, status=503)
            answer.headers["Retry-After"] = "2"
            return answer.render()
        if not decision.is_allowed:
            raise PermissionDenied(_denial(decision))
        return None


def _decide(question: dict[str, Any]) -> Decision | None:
    """None when there is no decision and the setting does not make one."""
    who, route = question["principal"], question["route"]
    try:
        decision = _server().decide(question)
    except PolicyUnavailable as error:
        telemetry.emit("policy.unanswered", principal=who, route=route, error=str(error))
        return Decision(True) if settings.DAYBOOK_POLICY_FAIL == "open" else None
    if not decision.is_allowed:
        telemetry.emit("policy.denied", principal=who, route=route, reason=decision.reason)
    return decision


_servers: dict[tuple[str, float], PolicyServer] = {}


def _server() -> PolicyServer:
    which = (str(settings.DAYBOOK_POLICY_URL), float(settings.DAYBOOK_POLICY_TIMEOUT.total_seconds()))
    return _servers.get(which) or _servers.setdefault(which, PolicyServer(which[0], seconds=which[1]))


def _no_answer() -> str:
    return "The policy server gives no decision, and without one nothing is changed. Try again in a moment."


def _denial(decision: Decision) -> str:
    return f"The policy does not allow this. {decision.reason}".strip()


# --- the question -----------------------------------------------------------------------------------------------------


def _of_api(request: Request, action: str) -> dict[str, Any]:
    caller = principals.of_request(request)
    data = request.data if isinstance(request.data, dict | list) else None
    named = request.headers.get(TENANT_HEADER) or (data.get("tenant") if isinstance(data, dict) else None)
    return {
        "principal": caller.label,
        "credential": caller.via,
        "tenant": caller.key.tenant.slug if caller.key else (named if isinstance(named, str) else None),
        "tenant_ids": sorted(caller.scopes),
        "scopes": sorted(caller.held),
        "is_superuser": caller.is_superuser,
        "action": action,
        **_of_request(request._request, data),
    }


def _of_console(request: HttpRequest, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    scopes = access.scopes(request.user)
    form = {name: values[0] if len(values) == 1 else values for name, values in request.POST.lists()}
    form.pop("csrfmiddlewaretoken", None)
    return {
        "principal": f"user:{request.user.get_username()}",
        "credential": "session",
        "tenant": form.get("tenant") if isinstance(form.get("tenant"), str) else None,
        "tenant_ids": sorted(scopes),
        "scopes": sorted(frozenset().union(*scopes.values())),
        "is_superuser": access.is_superuser(request.user),
        "action": str(form.get("action", "")),
        **_of_request(request, form),
    }


def _of_request(request: HttpRequest, body: Any) -> dict[str, Any]:
    match, at = request.resolver_match, origin.current.get()
    shown = masking.masked(body)
    is_small = len(json.dumps(shown)) <= LARGEST_BODY
    return {
        "via": at.via,
        "method": request.method,
        "route": match.view_name if match else "",
        "path": request.path,
        "target": {name: str(value) for name, value in (match.kwargs if match else {}).items()},
        "body": shown if is_small else None,
        "body_is_left_out": not is_small,
        "address": at.address,
        "request_id": at.request_id,
    }
