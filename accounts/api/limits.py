"""`/api/v1/limits` and `/api/v1/tenants/<id>/limits`: how many requests a minute everyone, and a tenant, may make."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.urls import get_resolver
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import AccountsViewSet
from accounts.limits import changes, rates
from accounts.limits.models import Level, RateLimit
from accounts.limits.rates import MOST, Algorithm, Kind
from accounts.limits.table import rate_of
from accounts.models import Tenant
from accounts.scopes import Scope
from scheduler_project.api import refusals
from scheduler_project.api.checks import api_views
from scheduler_project.api.refusals import require_superuser
from scheduler_project.api.serializers import InstantField, StrictSerializer, TextField, WholeNumberField

OF_TENANTS = (Kind.READ, Kind.WRITE, Kind.SUBMIT, Kind.KEYS)


class LimitSerializer(StrictSerializer):
    endpoint = TextField(max_length=100, help_text=f"A class ({', '.join(Kind)}), or the name of a route.")
    per_minute = WholeNumberField(
        allow_null=True, min_value=0, max_value=MOST, help_text="Null or 0 for no limit, which only superusers grant."
    )
    burst = WholeNumberField(
        required=False, allow_null=True, min_value=1, max_value=MOST, help_text="At once; `per_minute` unless told."
    )
    algorithm = serializers.ChoiceField(
        choices=[one.value for one in Algorithm],
        default=Algorithm.BUCKET.value,
        help_text="`bucket` refills steadily; `window` lets no more through in any 60 seconds.",
    )


class LimitsChangeSerializer(StrictSerializer):
    limits = LimitSerializer(many=True, help_text="All that differ from the default.")


class StoredLimitSerializer(serializers.Serializer[Any]):
    endpoint = serializers.CharField(read_only=True)
    per_minute = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null: without limit.")
    burst = serializers.IntegerField(read_only=True, allow_null=True)
    algorithm = serializers.ChoiceField(choices=[one.value for one in Algorithm], read_only=True)
    updated_at = InstantField(read_only=True)
    updated_by = serializers.CharField(read_only=True)


class ForceSerializer(serializers.Serializer[Any]):
    endpoint = serializers.CharField(read_only=True)
    per_minute = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null: without limit.")
    burst = serializers.IntegerField(read_only=True, allow_null=True)
    algorithm = serializers.ChoiceField(choices=[one.value for one in Algorithm], read_only=True, allow_null=True)


class LimitsSerializer(serializers.Serializer[Any]):
    tenant = serializers.CharField(read_only=True, allow_null=True, help_text="Slug; null: everyone.")
    default_per_minute = serializers.IntegerField(read_only=True)
    in_force = ForceSerializer(many=True, read_only=True, help_text="Of each class, and of routes with limits.")
    granted = StoredLimitSerializer(many=True, read_only=True, help_text="By superusers.")
    chosen = StoredLimitSerializer(many=True, read_only=True, help_text="By the tenant, to lower what is granted.")


class LimitsViewSet(AccountsViewSet):
    noun = "tenant"
    queryset = RateLimit.objects.none()
    serializer_class = LimitsSerializer
    required_scopes = {
        **dict.fromkeys(("everyone", "retrieve"), Scope.TENANT_READ),
        **dict.fromkeys(("replace_everyones", "replace"), Scope.TENANT_WRITE),
    }
    operation_ids = {
        "everyone": "get_limits_of_everyone",
        "replace_everyones": "replace_limits_of_everyone",
        "retrieve": "get_limits_of_tenant",
        "replace": "replace_limits_of_tenant",
    }

    def everyone(self, request: Request) -> Response:
        """The limits of all tenants that have none of their own."""
        return Response(_shown(None))

    @extend_schema(request=LimitsChangeSerializer)
    def replace_everyones(self, request: Request) -> Response:
        """Replace the limits of all tenants that have none of their own. For superusers."""
        require_superuser(self.principal, "Only superusers set the limits of everyone")
        return self._replace(None, Level.GRANTED)

    def retrieve(self, request: Request, pk: str) -> Response:
        """The limits of one tenant: what is in force, what superusers granted, and what the tenant chose."""
        return Response(_shown(self._find(pk)))

    @extend_schema(request=LimitsChangeSerializer)
    def replace(self, request: Request, pk: str) -> Response:
        """Replace what was granted, as a superuser, or what the tenant chose, as anybody else: that only lowers.

        It counts within 5 seconds everywhere."""
        tenant = self._find(pk)
        return self._replace(tenant, Level.GRANTED if self.principal.is_superuser else Level.CHOSEN)

    def _replace(self, tenant: Tenant | None, level: Level) -> Response:
        wishes = self.read_body(LimitsChangeSerializer)["limits"]
        named = [{**wish, "per_minute": wish["per_minute"] or None} for wish in wishes]
        changes.replace(named, tenant=tenant, level=level, actor=self.principal.label, routes=route_names())
        return Response(_shown(tenant))

    def _find(self, pk: str) -> Tenant:
        tenant = Tenant.objects.filter(pk=int(pk)).first()
        if tenant is None or not self.principal.may(self.scope, tenant.pk):
            tenant_id = tenant.pk if tenant else None
            raise refusals.of_row(self.principal, self.scope, noun=self.noun, pk=pk, tenant_id=tenant_id)
        return tenant


def _shown(tenant: Tenant | None) -> dict[str, Any]:
    rows = list(RateLimit.objects.filter(tenant=tenant).order_by("endpoint"))
    by_level = {level: [row for row in rows if row.level == level] for level in Level}
    found = {
        "tenant": tenant.slug if tenant else None,
        "default_per_minute": settings.DAYBOOK_RATE_LIMIT,
        "in_force": _in_force(tenant, rows),
        "granted": by_level[Level.GRANTED],
        "chosen": by_level[Level.CHOSEN],
    }
    return dict(LimitsSerializer(found).data)


def _in_force(tenant: Tenant | None, rows: list[RateLimit]) -> list[dict[str, Any]]:
    everyones = RateLimit.objects.filter(tenant=None) if tenant else []
    table = {(row.tenant_id, row.endpoint, row.level): rate_of(row) for row in (*everyones, *rows)}
    classes = OF_TENANTS if tenant else tuple(Kind)
    routes = sorted({endpoint for _, endpoint, _ in table} - set(Kind))
    found = []
    for endpoint in (*classes, *routes):
        buckets = rates.buckets(
            table,
            owner="",
            tenant_id=tenant.pk if tenant else None,
            kind=endpoint,
            route=endpoint,
            per_minute=settings.DAYBOOK_RATE_LIMIT,
        )
        rate = buckets[0].rate if buckets else None
        found.append(
            {
                "endpoint": str(endpoint),
                "per_minute": rate and rate.per_minute,
                "burst": rate and (rate.burst if rate.algorithm == Algorithm.BUCKET else None),
                "algorithm": rate and rate.algorithm.value,
            }
        )
    return found


@cache
def route_names() -> frozenset[str]:
    """Of every view of the API: single ones can have limits of their own."""
    return frozenset(_names(get_resolver().url_patterns))


def _names(patterns: Any) -> Any:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _names(pattern.url_patterns)
        elif pattern.name and next(api_views([pattern]), None) is not None:
            yield pattern.name
