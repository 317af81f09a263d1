"""Lets a request in when its caller holds the scope that the view asks for; without such a rule nobody gets in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.scopes import ROLE_SCOPES
from scheduler_project.api.principal import Principal

if TYPE_CHECKING:  # DRF loads this module while it defines APIView
    from rest_framework.views import APIView

SIGNED_IN = "any credential"  # for an action that tells callers about themselves only


class MissingScope(PermissionDenied):
    """The caller is known but may not do this. Says what is missing, what is held and how to get it."""

    default_code = "missing_scope"

    def __init__(self, scope: str, principal: Principal, *, held: frozenset[str], where: str = "") -> None:
        holds = ", ".join(sorted(held)) or "no scope"
        super().__init__(
            f"This needs the scope {scope}. {principal.label} holds {holds}{where}. {_way_out(scope, principal)}"
        )


class HasScope(BasePermission):
    """Denies by default. A view declares `required_scopes`, one scope for each action."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        principal = request.auth
        if not isinstance(principal, Principal):
            return False  # DRF answers 401
        if request.method not in view.allowed_methods:
            return True  # there is no handler: DRF answers 405
        action = str(getattr(view, "action", "") or request.method.lower())
        scope = required_scope(view, action)
        if scope is None:
            raise PermissionDenied(f"Nobody may do this: {type(view).__name__} declares no scope for {action}.")
        if hasattr(view, "asked_scope"):  # it depends on what the body asks for
            scope = str(view.asked_scope(request))
        if scope != SIGNED_IN and scope not in principal.held:
            raise MissingScope(scope, principal, held=principal.held)
        return True


def required_scope(view: Any, action: str) -> str | None:
    scopes: Mapping[str, str] = getattr(view, "required_scopes", {})
    return scopes.get(action)


def _way_out(scope: str, principal: Principal) -> str:
    if principal.key is not None:
        return (
            f"Use a key that was created with {scope}; a key's scopes do not change. Whoever holds keys:write in the "
            "tenant makes one, by POST /api/v1/keys or in the console under API keys."
        )
    roles = " or ".join(role for role, scopes in ROLE_SCOPES.items() if scope in scopes)
    if principal.via == "token":
        return (
            f"Ask POST /api/v1/token for a token with {scope}; if your roles do not give it, "
            f"ask an administrator of the tenant for the role {roles}."
        )
    return f"Ask an administrator of the tenant for the role {roles}."
