"""Who calls: a user through a session or a program through a key, with the scopes they hold in each tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from rest_framework.request import Request

from accounts import access
from accounts.models import ApiKey, Tenant
from accounts.scopes import Scope
from accounts.tokens import Opened


@dataclass(frozen=True)
class Principal:
    """`label` is the actor that revisions and executions name."""

    label: str
    scopes: Mapping[int, frozenset[str]]  # by tenant id; only active tenants
    is_superuser: bool = False
    user: AbstractBaseUser | None = field(default=None, compare=False)
    key: ApiKey | None = field(default=None, compare=False)
    via: str = "session"  # or key, or token
    until: datetime | None = None  # when the credential ends
    is_last_known: bool = False  # PostgreSQL is away: this is what the credential opened within the last minutes

    @property
    def is_internal(self) -> bool:
        """No rate limit holds for it."""
        return self.key is not None and self.key.is_internal

    @property
    def held(self) -> frozenset[str]:
        """The scopes held in any tenant."""
        if self.is_superuser:
            return frozenset(Scope.values)
        return frozenset().union(*self.scopes.values())

    def may(self, scope: str, tenant_id: int) -> bool:
        return self.is_superuser or scope in self.scopes.get(tenant_id, ())

    def is_member(self, tenant_id: int) -> bool:
        return self.is_superuser or tenant_id in self.scopes

    def tenant_ids(self, scope: str) -> list[int] | None:
        """The tenants whose rows the scope opens; None means all of them."""
        if self.is_superuser:
            return None
        return [tenant_id for tenant_id, scopes in self.scopes.items() if scope in scopes]


def of_user(user: AbstractBaseUser) -> Principal:
    label = f"user:{user.get_username()}"
    return Principal(label, access.scopes(user), is_superuser=access.is_superuser(user), user=user)


def of_key(key: ApiKey) -> Principal:
    scopes = {key.tenant_id: frozenset(key.scopes)}
    return Principal(f"key:{key.prefix}", scopes, key=key, via="key", until=key.expires_at)


def of_token(opened: Opened) -> Principal:
    return Principal(
        opened.label,
        opened.scopes,
        is_superuser=opened.is_superuser,
        user=opened.user,
        via="token",
        until=opened.until,
    )


def as_last_known(principal: Principal) -> Principal:
    """With nothing but its scopes to read."""
    reads = {
        tenant_id: frozenset(scope for scope in scopes if scope.endswith(":read"))
        for tenant_id, scopes in principal.scopes.items()
    }
    return replace(principal, scopes=reads, is_superuser=False, is_last_known=True)


def of_request(request: Request) -> Principal:
    """The caller of a request that a permission class has let in."""
    assert isinstance(request.auth, Principal)
    return request.auth


def tenants_of(principal: Principal) -> list[Tenant]:
    """Where the caller can write to, by slug: the key's tenant, a user's memberships, for a superuser all of them."""
    if principal.key is not None:
        return [principal.key.tenant]
    tenants = Tenant.objects.filter(is_active=True)
    return list(tenants if principal.is_superuser else tenants.filter(pk__in=principal.scopes))
