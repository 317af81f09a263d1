"""What the views of this app share: the refusals of its operations as answers, and the caller as one who gives."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import PermissionDenied

from accounts import keys
from accounts.grants import Excess, Giver
from accounts.limits.taking import LimiterUnavailable
from accounts.members import LastAdministrator
from scheduler_project.api.errors import Busy, Conflict, Invalid
from scheduler_project.api.principal import Principal
from scheduler_project.api.views import TenantScopedViewSet
from scheduler_project.lib.input import InvalidInput

CONFLICTS: dict[type[Exception], str] = {
    LastAdministrator: "last_administrator",
    keys.AlreadyReplaced: "already_replaced",
    keys.KeyIsDead: "key_is_dead",
    keys.TooManyKeys: "too_many_keys",
}


class MoreThanHeld(PermissionDenied):
    default_code = "more_than_held"


class AccountsViewSet(TenantScopedViewSet):
    def handle_exception(self, exc: Exception) -> Any:
        return super().handle_exception(answer_for(exc))


def answer_for(error: Exception) -> Exception:
    """The API's error for one of an operation; any other error as it is."""
    if isinstance(error, InvalidInput):
        return Invalid(error.fields)
    if isinstance(error, Excess):
        return MoreThanHeld(str(error))
    if isinstance(error, LimiterUnavailable):
        return Busy(str(error), code="rate_limiter_unavailable", wait=2)
    code = CONFLICTS.get(type(error))
    return Conflict(str(error), code=code) if code else error


def giver(principal: Principal, tenant_id: int) -> Giver:
    return Giver(
        principal.label,
        principal.scopes.get(tenant_id, frozenset()),
        until=principal.until if principal.key is not None else None,
        is_superuser=principal.is_superuser,
        user_id=principal.user.pk if principal.user is not None else None,
    )
