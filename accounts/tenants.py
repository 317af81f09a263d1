"""Every change of a tenant. Admin and API both come through here; who may is theirs to ask: superusers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts import audit, memory
from accounts.input import name_of
from accounts.models import Tenant
from scheduler_project.lib import transactions
from scheduler_project.lib.input import InvalidInput

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


class InvalidTenant(InvalidInput):
    """Input that is no tenant; `fields` has the messages by name."""


def create(slug: str, name: str, *, actor: str) -> Tenant:
    """Raises `InvalidInput`."""
    if not SLUG.fullmatch(slug):
        raise InvalidTenant({"slug": ["Write 1 to 63 of a-z, 0-9 and -, with no - at either end."]})
    taken = InvalidTenant({"slug": [f"There is a tenant {slug} already."]})
    with transactions.refused_as(taken, by="slug"), transaction.atomic():
        tenant = Tenant(slug=slug, name=name_of(name))
        tenant.save(force_insert=True)
        _record("tenant.created", tenant, actor, after={"slug": slug, "name": tenant.name})
    tenant.refresh_from_db()
    return tenant


def change(tenant_id: int, wish: Mapping[str, Any], *, actor: str) -> Tenant:
    """Its `name`, and whether it `is_active`: while it is not, its keys and members get in nowhere. Raises
    `InvalidInput`."""
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
        before = _facts(tenant)
        if "name" in wish:
            tenant.name = name_of(wish["name"])
        tenant.is_active = wish.get("is_active", tenant.is_active)
        if before != _facts(tenant):
            tenant.save(update_fields=["name", "is_active"])
            _record("tenant.changed", tenant, actor, before=before, after=_facts(tenant))
    memory.forget()
    return tenant


def _facts(tenant: Tenant) -> dict[str, Any]:
    return {"name": tenant.name, "is_active": tenant.is_active}


def _record(action: str, tenant: Tenant, actor: str, **more: Any) -> None:
    where: dict[str, Any] = {"tenant_id": tenant.pk, "target_id": tenant.pk, "target_name": tenant.slug}
    audit.record(action, actor=actor, target="tenant", **where, **more)
