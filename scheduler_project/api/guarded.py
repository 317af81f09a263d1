"""What stands before every view of the API: limits on the number and size of requests, and the policy on changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from accounts.limits.rates import Kind
from scheduler_project.api import limiting, policies
from scheduler_project.api.bounds import Bounds


class GuardedViewSet(GenericViewSet[Any]):
    limit_classes: ClassVar[Mapping[str, str]] = {}
    """The class of endpoints whose limit an action counts against, where its method and scope do not tell."""

    bounds: ClassVar[Mapping[str, Bounds]] = {}
    """How large the body of an action may be, where that is not the usual."""

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
