"""Counts each request against the limits of its tenant, or of the address that it comes from, before it is judged."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework import status
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.limits import rates, taking
from accounts.limits.rates import Algorithm, Kind
from accounts.limits.table import TABLE
from accounts.limits.taking import LimiterUnavailable, Verdict
from accounts.models import Tenant
from accounts.scopes import Scope
from scheduler_project.api.errors import ApiError, Busy
from scheduler_project.api.permissions import required_scope
from scheduler_project.api.principal import Principal
from scheduler_project.lib import origin, telemetry
from scheduler_project.lib.client_address import household
from scheduler_project.lib.requests import READERS, TENANT_HEADER

if TYPE_CHECKING:  # DRF loads this module while it defines its views
    from rest_framework.views import APIView

STARTS = (Scope.SCHEDULER_RUN, Scope.TASK_CREATE)
STOPS = frozenset({"cancel", "give_up", "discard", "discard_group", "restore", "refuse"})  # with a scope that starts


class RateLimited(ApiError):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "rate_limited"

    def __init__(self, verdict: Verdict) -> None:
        bucket, wait = verdict.bucket, verdict.retry_after
        rate = bucket.rate
        at_once = f", {rate.burst} at once" if rate.algorithm == Algorithm.BUCKET else ""
        super().__init__(
            f"The limit of {bucket.endpoint} is {rate.per_minute} requests a minute{at_once}"
            f"{', in this process' if verdict.is_local else ''}. Try again in {wait} s, or ask for a higher limit."
        )
        self.wait = wait


def admit(view: APIView, request: Request) -> None:
    """Take a request of a caller whose credentials are good. Raises `RateLimited`, or `Busy` without Redis."""
    caller = request.auth
    if not isinstance(caller, Principal):
        admit_stranger(view, Kind.ANONYMOUS)
        return
    kind, route = kind_of(view, request), _route(request)
    if caller.is_internal or _is_internal(origin.current.get().address):
        telemetry.emit("request.admitted", kind=kind, how="internal")
        return
    owner, tenant_id = _owner(caller, request)
    _take(view, owner=owner, tenant_id=tenant_id, kind=kind, route=route)


def admit_stranger(view: APIView, kind: Kind) -> None:
    """Take a request of a caller who is known by address only. Raises `RateLimited`."""
    address = origin.current.get().address
    if not _is_internal(address):
        _take(view, owner=f"a{household(address)}", tenant_id=None, kind=kind, route="")


def _take(view: APIView, *, owner: str, tenant_id: int | None, kind: str, route: str) -> None:
    found = rates.buckets(
        TABLE.rates(),
        owner=owner,
        tenant_id=tenant_id,
        kind=kind,
        route=route,
        per_minute=settings.DAYBOOK_RATE_LIMIT,
    )
    try:
        verdict = taking.take(found, kind=kind)
    except LimiterUnavailable as error:
        telemetry.emit("request.limited", kind=kind, how="refused")
        raise Busy(str(error), code="rate_limiter_unavailable", wait=2) from None
    if verdict is None:
        telemetry.emit("request.admitted", kind=kind, how="unlimited")
        return
    view.headers.update(verdict.headers)
    how = "local" if verdict.is_local else "shared"
    telemetry.emit("request.admitted" if verdict.is_allowed else "request.limited", kind=kind, how=how)
    if not verdict.is_allowed:
        raise RateLimited(verdict)


def kind_of(view: Any, request: Request) -> str:
    """The class of endpoints, by what the action needs: `limit_classes` of a view has what that does not tell."""
    action = str(getattr(view, "action", "") or "")
    if declared := getattr(view, "limit_classes", {}).get(action):
        return str(declared)
    scope = required_scope(view, action) or ""
    if request.method in READERS or scope.endswith(":read"):
        return Kind.READ
    if request.method != "POST" or action in STOPS:
        return Kind.WRITE
    if scope == Scope.KEYS_WRITE:
        return Kind.KEYS
    return Kind.SUBMIT if scope in STARTS else Kind.WRITE


def _owner(caller: Principal, request: Request) -> tuple[str, int | None]:
    """Whose bucket: the tenant's that is known or named, else the person's."""
    tenant_ids = list(caller.scopes)
    if len(tenant_ids) == 1 and not caller.is_superuser:
        return f"t{tenant_ids[0]}", tenant_ids[0]
    if named := request.headers.get(TENANT_HEADER):
        tenants = Tenant.objects.filter(slug=named[:63], is_active=True)
        mine = tenants if caller.is_superuser else tenants.filter(pk__in=tenant_ids)
        if (tenant_id := mine.values_list("pk", flat=True).first()) is not None:
            return f"t{tenant_id}", tenant_id
    return f"u{caller.user.pk if caller.user else caller.label}", None


def _route(request: Request) -> str:
    match = request._request.resolver_match
    return str(match.url_name or "") if match else ""


def _is_internal(address: str | None) -> bool:
    if not address or not settings.DAYBOOK_INTERNAL_NETWORKS:
        return False
    found = ipaddress.ip_address(address)
    return any(found in network for network in _networks(tuple(settings.DAYBOOK_INTERNAL_NETWORKS)))


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(text) for text in texts]


class ByAddress(BaseThrottle):
    """For views that need no credentials; the others have counted their request before."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if getattr(view, "is_public", False) and not hasattr(view, "limit_classes"):
            admit_stranger(view, Kind(getattr(view, "limit_class", Kind.ANONYMOUS)))
        return True
