"""Whose inbox it is: a person's, or a program's, which has only what is for all of its tenant."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser

from accounts import focus
from accounts.scopes import Scope
from scheduler_project.api import principal as principals
from scheduler_project.api.principal import Principal


@dataclass(frozen=True)
class Reader:
    """`tenant_ids` are those whose notifications it may see; None: all, and those of the system."""

    name: str
    user_id: int | None
    tenant_ids: tuple[int, ...] | None

    def is_concerned(self, users: list[int], tenants: list[int]) -> bool:
        """Whether a change of these people's and tenants' inboxes may be one of this reader's."""
        if self.user_id in users:
            return True
        return bool(tenants) if self.tenant_ids is None else not set(self.tenant_ids).isdisjoint(tenants)


def of_principal(principal: Principal, scope: str = Scope.NOTIFICATIONS_READ) -> Reader:
    tenant_ids = principal.tenant_ids(scope)
    allowed = None if tenant_ids is None else tuple(sorted(tenant_ids))
    if principal.user is None:
        return Reader(principal.label, None, allowed)
    return Reader(f"user:{principal.user.pk}", principal.user.pk, allowed)


def of_user(user: AbstractBaseUser) -> Reader:
    """The same in every page of the console, whichever tenant is looked at there."""
    with focus.on(None):
        return of_principal(principals.of_user(user))
