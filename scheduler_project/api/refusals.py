"""Why a caller may not: there is no such row, another tenant has it, a scope is missing, or it concerns all tenants."""

from __future__ import annotations

from rest_framework.exceptions import NotFound, PermissionDenied

from scheduler_project.api.permissions import MissingScope
from scheduler_project.api.principal import Principal


class OtherTenant(PermissionDenied):
    default_code = "other_tenant"


class SuperuserOnly(PermissionDenied):
    default_code = "superuser_only"


def require_superuser(principal: Principal, rule: str, *, instead: str = "") -> None:
    """Raises `SuperuserOnly`, which says the rule and what others may do."""
    if not principal.is_superuser:
        raise SuperuserOnly(f"{rule}; {principal.label} is none. {instead}".rstrip())


def of_row(principal: Principal, scope: str, *, noun: str, pk: object, tenant_id: int | None) -> Exception:
    """`tenant_id` is whose the row is, None when there is no such row."""
    name = f"{noun.capitalize()} {pk}"
    if tenant_id is None:
        return NotFound(f"There is no {noun} {pk}.")
    if not principal.is_member(tenant_id):
        if principal.via == "token":
            lack, way = "this token does not open", "Sign in for that tenant"
        else:
            lack, way = f"{principal.label} is no member of", "Use a key of that tenant"
        return OtherTenant(
            f"{name} belongs to a tenant that {lack}. {way}, or ask one of its administrators for a membership."
        )
    held = principal.scopes.get(tenant_id, frozenset())
    return MissingScope(scope, principal, held=held, where=f" in the tenant of {noun} {pk}")


def of_tenant(principal: Principal, scope: str, *, slug: str, tenant_id: int | None) -> Exception:
    """`tenant_id` is None when the caller is no member of a tenant of that name, whether there is one or not."""
    if tenant_id is None:
        return OtherTenant(f"{principal.label} is no member of a tenant {slug[:63]}.")
    held = principal.scopes.get(tenant_id, frozenset())
    return MissingScope(scope, principal, held=held, where=f" in the tenant {slug}")
