"""Finds rules by what they are about, some at a time. The default rule of a tenant that nobody has changed has no row;
it stands in its place all the same, as an unsaved one with the id 0."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet, Value

from accounts.models import Tenant
from notifications.models import Rule
from notifications.rules.rule import DEFAULT_KINDS
from scheduler_project.api import keyset
from scheduler_project.api.keyset import Key, Place

BUILT_IN = 0
# By tenant, of each the default first and the others by name.
KEYS = (
    Key("tenant_id", descending=False, nulls_last=True, field=Tenant._meta.pk),
    Key("is_default", descending=True, nulls_last=True, field=Rule._meta.get_field("is_default")),
    Key("name", descending=False, nulls_last=True, field=Rule._meta.get_field("name")),
    Key("pk", descending=False, nulls_last=True, field=Rule._meta.pk),
)


@dataclass(frozen=True)
class Listing:
    """`bare` are the tenants whose default rule nobody has changed."""

    rules: QuerySet[Rule]
    bare: QuerySet[Tenant]

    def page(self, place: Place | None, *, most: int) -> list[Rule]:
        """The first behind a place. As many of each kind are read at most."""
        bare = self.bare if place is None else self.bare.filter(pk__gt=place.values[0])
        stored = keyset.page(_whole(self.rules), KEYS, place, most=most)
        defaults = [_built_in(tenant) for tenant in bare.order_by("pk")[:most]]
        return list(heapq.merge(defaults, stored, key=lambda rule: (rule.tenant_id, not rule.is_default)))[:most]

    def window(self, offset: int, most: int) -> list[Rule]:
        """Further down: found by their ids alone, then read."""
        stored = self.rules.values_list("tenant_id", "is_default", "name", "pk")
        bare = self.bare.values_list("pk", Value(True), Value(""), Value(BUILT_IN))
        together = stored.union(bare, all=True).order_by("tenant_id", "-is_default", "name", "pk")
        found = [(tenant_id, pk) for tenant_id, _, _, pk in together[offset : offset + most]]
        rules = _whole(Rule.objects.all()).in_bulk([pk for _, pk in found if pk != BUILT_IN])
        tenants = Tenant.objects.in_bulk([tenant_id for tenant_id, pk in found if pk == BUILT_IN])
        # One may have been deleted since.
        rows = (_built_in(tenants[of]) if pk == BUILT_IN else rules.get(pk) for of, pk in found)
        return [row for row in rows if row is not None]


def find(
    tenant_ids: Collection[int] | None,
    *,
    tenant: str = "",
    job: int | None = None,
    tag: str = "",
    kind: str = "",
    enabled: bool | None = None,
) -> Listing:
    """`tenant_ids` are whose; None means everybody's."""
    rules, bare = Rule.objects.all(), Tenant.objects.all()
    if tenant_ids is not None:
        rules, bare = rules.filter(tenant_id__in=tenant_ids), bare.filter(pk__in=tenant_ids)
    if tenant:
        rules, bare = rules.filter(tenant__slug=tenant), bare.filter(slug=tenant)
    rules = rules.filter(job_id=job) if job is not None else rules
    rules = rules.filter(tag=tag) if tag else rules
    rules = rules.filter(kinds__contains=[kind]) if kind else rules
    rules = rules.filter(is_enabled=enabled) if enabled is not None else rules
    fits = enabled is not False and (not kind or kind in DEFAULT_KINDS) and job is None and not tag
    has_row = Exists(Rule.objects.filter(tenant=OuterRef("pk"), is_default=True))
    return Listing(rules, bare.filter(~has_row) if fits else bare.none())


def _whole(rules: QuerySet[Rule]) -> QuerySet[Rule]:
    return rules.select_related("tenant").prefetch_related("users", "channels")


def _built_in(tenant: Tenant) -> Rule:
    return Rule(pk=BUILT_IN, tenant=tenant, is_default=True)
