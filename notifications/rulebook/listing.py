"""Finds rules by what they are about. The built-in default of a tenant is found like a row, and has no id."""

from __future__ import annotations

from collections.abc import Collection

from accounts.models import Tenant
from notifications.models import Rule
from notifications.rules.rule import DEFAULT_KINDS

Key = tuple[int, int | None]  # tenant and rule


def find_keys(
    tenant_ids: Collection[int] | None,
    *,
    tenant: str = "",
    job: int | None = None,
    tag: str = "",
    kind: str = "",
    enabled: bool | None = None,
) -> list[Key]:
    """By tenant, of each the default first and the others by name. `tenant_ids` are whose; None means everybody's."""
    rows = Rule.objects.all() if tenant_ids is None else Rule.objects.filter(tenant_id__in=tenant_ids)
    rows = rows.filter(tenant__slug=tenant) if tenant else rows
    rows = rows.filter(job_id=job) if job is not None else rows
    rows = rows.filter(tag=tag) if tag else rows
    rows = rows.filter(kinds__contains=[kind]) if kind else rows
    rows = rows.filter(is_enabled=enabled) if enabled is not None else rows
    stored = rows.order_by("tenant_id", "-is_default", "name", "pk").values_list("tenant_id", "is_default", "pk")
    found: list[tuple[int, bool, int | None]] = list(stored)
    fits = enabled is not False and (not kind or kind in DEFAULT_KINDS) and job is None and not tag
    bare: list[tuple[int, bool, int | None]] = [(pk, True, None) for pk in _bare(tenant_ids, tenant)] if fits else []
    # Sorting keeps the order of the names.
    return [(of, pk) for of, _, pk in sorted([*bare, *found], key=lambda key: (key[0], not key[1]))]


def _bare(tenant_ids: Collection[int] | None, slug: str) -> list[int]:
    """The tenants whose default rule nobody has changed."""
    tenants = Tenant.objects.exclude(pk__in=Rule.objects.filter(is_default=True).values("tenant"))
    tenants = tenants if tenant_ids is None else tenants.filter(pk__in=tenant_ids)
    return list((tenants.filter(slug=slug) if slug else tenants).values_list("pk", flat=True))
