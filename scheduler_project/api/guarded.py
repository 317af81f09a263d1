"""What stands around every view of the API: limits on the number and size of requests, the policy on changes, and what
is answered while PostgreSQL is away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.limits.rates import Kind
from scheduler_project.api import last_seen, limiting, policies
from scheduler_project.api.bounds import Bounds
from scheduler_project.api.errors import Busy


class DatabaseAway(Busy):
    def __init__(self) -> None:
        super().__init__(
            "The database does not answer. Send this again later; with the same Idempotency-Key nothing is done twice.",
            code="unavailable",
            wait=2,
        )


class GuardedViewSet(GenericViewSet[Any]):
    limit_classes: ClassVar[Mapping[str, str]] = {}
    """The class of endpoints whose limit an action counts against, where its method and scope do not tell."""

    bounds: ClassVar[Mapping[str, Bounds]] = {}
    """How large the body of an action may be, where that is not the usual."""

    kept: ClassVar[frozenset[str]] = frozenset()
    """The actions whose answers are shown again, as stale, while PostgreSQL is away: reads of status, no secrets."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        policies.judge(self, request)

    def perform_authentication(self, request: Request) -> None:
        """Find out who calls, and count the request before anything else is told."""
        try:
            super().perform_authentication(request)
        except (AuthenticationFailed, NotAuthenticated):
            limiting.admit_stranger(self, Kind.ANONYMOUS)
            raise
        limiting.admit(self, request)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self.action in self.kept and request.method == "GET" and "Warning" not in answer.headers:
            last_seen.keep(request, answer)
        return answer

    def handle_exception(self, exc: Exception) -> Response:
        if not last_seen.is_outage(exc):
            return super().handle_exception(exc)
        if self.action in self.kept and (answer := last_seen.find(self.request)) is not None:
            return answer
        return super().handle_exception(DatabaseAway())
