"""Every change of who is a member of a tenant, and as what. Admin and API both come through here."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import audit, memory
from accounts.grants import Excess, Giver
from accounts.models import Membership, Tenant
from accounts.scopes import ROLE_SCOPES, Role
from scheduler_project.lib import transactions
from scheduler_project.lib.input import InvalidInput


class InvalidMember(InvalidInput):
    """Input that is no member; `fields` has the messages by name."""


class LastAdministrator(Exception):
    """Without them nobody would look after the tenant."""


def find_user(name: object) -> AbstractBaseUser:
    """Raises `InvalidMember`."""
    users = get_user_model()
    found = users._default_manager.filter(**{users.USERNAME_FIELD: name}, is_active=True).first()
    if not isinstance(name, str) or found is None:
        raise InvalidMember({"user": ["There is no active user of this name. A superuser makes users in the console."]})
    return found


def responsible(tenants: QuerySet[Tenant]) -> QuerySet[Any]:
    """Who may answer for something of these tenants: their members and superusers."""
    users = get_user_model()._default_manager.filter(is_active=True)
    return users.filter(Q(memberships__tenant__in=tenants) | Q(is_superuser=True)).distinct()


def judge(role: str, *, by: Giver) -> None:
    """Raises what `add` and `change` raise for the role; writes nothing."""
    if role not in Role.values:
        raise InvalidMember({"role": [f"Write one of {', '.join(Role.values)}."]})
    by.check(ROLE_SCOPES[role], what=f"The role {role}")


def add(user: AbstractBaseUser, role: str, *, tenant: Tenant, by: Giver) -> Membership:
    """Raises `InvalidMember`, `Excess`."""
    judge(role, by=by)
    taken = InvalidMember({"user": [f"{user.get_username()} is a member of {tenant.slug} already; change the role."]})
    with transactions.refused_as(taken, by="one_membership_per_user_and_tenant"), transaction.atomic():
        member = Membership(tenant=tenant, user_id=user.pk, role=role)
        member.save(force_insert=True)
        _record("member.added", member, by, after={"role": role})
    memory.forget()
    return Membership.objects.select_related("user", "tenant").get(pk=member.pk)


def change(member_id: int, role: str, *, by: Giver) -> Membership:
    """Raises `InvalidMember`, `Excess`, `LastAdministrator`."""
    judge(role, by=by)
    with transaction.atomic():
        member = _locked(member_id)
        _check_may_touch(member, by, becomes=role)
        before, member.role = member.role, role
        member.save(update_fields=["role"])
        _record("member.changed", member, by, before={"role": before}, after={"role": role})
    return member


def remove(member_id: int, *, by: Giver) -> None:
    """Raises `Excess`, `LastAdministrator`."""
    with transaction.atomic():
        member = _locked(member_id)
        _check_may_touch(member, by, becomes=None)
        _record("member.removed", member, by, before={"role": member.role})
        member.delete()


def _locked(member_id: int) -> Membership:
    """With the lock of the tenant, so that no two administrators remove each other at the same time."""
    tenant_id = Membership.objects.values_list("tenant_id", flat=True).get(pk=member_id)
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
    return Membership.objects.select_related("user", "tenant").get(pk=member_id)


def _check_may_touch(member: Membership, by: Giver, *, becomes: str | None) -> None:
    name = member.user.get_username()
    if not by.is_superuser and not ROLE_SCOPES[member.role] <= by.scopes:
        raise Excess(f"{name} is {member.role} here, which is more than {by.label} holds; ask an administrator.")
    if by.is_superuser or member.role != Role.ADMIN or becomes == Role.ADMIN:
        return
    others = Membership.objects.filter(tenant_id=member.tenant_id, role=Role.ADMIN, user__is_active=True)
    if not others.exclude(pk=member.pk).exists():
        raise LastAdministrator(
            f"{name} is the last administrator of {member.tenant.slug}. Make somebody else one first."
        )


def _record(action: str, member: Membership, by: Giver, **more: Any) -> None:
    who: dict[str, Any] = {"actor": by.label, "tenant_id": member.tenant_id}
    audit.record(action, target="member", target_id=member.pk, target_name=member.user.get_username(), **who, **more)
