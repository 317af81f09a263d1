"""What a user may do in which tenant: a superuser everything, others what the role of their membership amounts to.

In the console a viewer may look at one tenant only (`accounts.focus`); then there is no other one.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet

from accounts import focus
from accounts.grants import Giver
from accounts.models import Membership, Tenant
from accounts.scopes import ROLE_SCOPES, Role, Scope

User = AbstractBaseUser | AnonymousUser
Row = TypeVar("Row", bound=Model)

REMEMBERED = "_daybook_roles"
# Django's own permission, for single people: with it, whoever may run things in a tenant may approve there as well.
APPROVES = "jobs.approve_run"


def is_superuser(user: User) -> bool:
    return user.is_active and bool(getattr(user, "is_superuser", False))


def sees_everything(user: User) -> bool:
    """A superuser who looks at all tenants."""
    return is_superuser(user) and focus.tenant_id() is None


def roles(user: User) -> dict[int, str]:
    """The user's role by tenant, inactive tenants left out. Read once per user object, that is once per request."""
    return {tenant_id: role for tenant_id, role in _all_roles(user).items() if focus.covers(tenant_id)}


def _all_roles(user: User) -> dict[int, str]:
    remembered: dict[int, str] | None = getattr(user, REMEMBERED, None)
    if remembered is None:
        remembered = {}
        if user.is_active and user.pk is not None:
            found = Membership.objects.filter(user_id=user.pk, tenant__is_active=True)
            remembered = dict(found.values_list("tenant_id", "role"))
        setattr(user, REMEMBERED, remembered)
    return remembered


def scopes(user: User) -> dict[int, frozenset[str]]:
    """What the user holds in each tenant: what the role amounts to, and what was granted to them in person."""
    of_role = ((tenant_id, ROLE_SCOPES.get(role, frozenset())) for tenant_id, role in roles(user).items())
    return {tenant_id: _with_grants(user, held) for tenant_id, held in of_role}


def _with_grants(user: User, of_role: frozenset[str]) -> frozenset[str]:
    if Scope.SCHEDULER_RUN in of_role and Scope.SCHEDULER_APPROVE not in of_role and _has_permission(user, APPROVES):
        return of_role | {Scope.SCHEDULER_APPROVE}
    return of_role


def _has_permission(user: User, name: str) -> bool:
    has_permission = getattr(user, "has_perm", None)
    return bool(has_permission and has_permission(name))


def may(user: User, scope: str, tenant_id: int) -> bool:
    if is_superuser(user):
        return focus.covers(tenant_id)
    return scope in scopes(user).get(tenant_id, ())


def may_anywhere(user: User, scope: str) -> bool:
    return is_superuser(user) or any(scope in held for held in scopes(user).values())


def administers(user: User, tenant_id: int) -> bool:
    """Whether the user looks after the tenant's members and keys."""
    if is_superuser(user):
        return focus.covers(tenant_id)
    return roles(user).get(tenant_id) == Role.ADMIN


def administers_any(user: User) -> bool:
    return is_superuser(user) or Role.ADMIN in roles(user).values()


def giver(user: User, tenant_id: int) -> Giver:
    """The user as one who gives rights away in the tenant."""
    held = scopes(user).get(tenant_id, frozenset())
    return Giver(f"user:{user.get_username()}", held, is_superuser=is_superuser(user), user_id=user.pk)


def tenants(user: User, scope: str = Scope.SCHEDULER_READ) -> QuerySet[Tenant]:
    """The tenants in which the user holds the scope."""
    if is_superuser(user):
        return focused(Tenant.objects.all(), tenant="pk")
    return Tenant.objects.filter(pk__in=[pk for pk in roles(user) if may(user, scope, pk)])


def visible(rows: QuerySet[Row], user: User, scope: str = Scope.SCHEDULER_READ, *, tenant: str = "tenant") -> Any:
    """The rows of tenants in which the user holds the scope; `tenant` is the path from the row to its tenant."""
    if is_superuser(user):
        return focused(rows, tenant=tenant)
    return rows.filter(**{f"{tenant}__in": [pk for pk in roles(user) if may(user, scope, pk)]})


def focused(rows: QuerySet[Row], *, tenant: str = "tenant") -> QuerySet[Row]:
    """All rows, or those of the one tenant that is looked at. For those who see every tenant."""
    only = focus.tenant_id()
    return rows if only is None else rows.filter(**{tenant: only})
