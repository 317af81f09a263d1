"""`/api/v1/pools`: how many runs of a tenant may use one thing at once. Read and judged by `jobs.pools`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import narrowing, pools
from jobs.api.base import TenantEngineViewSet, split_body
from jobs.api.parameters import NamedParameters
from jobs.models import Pool
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import RowSerializer, StrictSerializer, TextField
from scheduler_project.api.views import TENANT_PARAMETER


class PoolFieldsSerializer(StrictSerializer):
    name = serializers.CharField(max_length=200)
    size = serializers.IntegerField(min_value=1, max_value=pools.MOST_SLOTS, help_text="How many runs at once.")


class PoolCreationOptionsSerializer(StrictSerializer):
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class PoolCreationSerializer(PoolCreationOptionsSerializer, PoolFieldsSerializer):
    slug = serializers.RegexField(
        r"^[a-z0-9][a-z0-9-]{0,59}$", required=False, help_text="Jobs name it by this, so it stays; made of the name."
    )


# `uses` in the context has that of each pool that is shown.
class PoolSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    running = serializers.SerializerMethodField()
    waiting = serializers.SerializerMethodField()

    class Meta:
        model = Pool
        fields = ("id", "tenant", "slug", "name", "size", "running", "waiting", "updated_at", "updated_by")
        read_only_fields = fields

    def get_running(self, pool: Pool) -> int:
        """Slots that are taken."""
        running: int = self.context["uses"][pool.pk].running
        return running

    def get_waiting(self, pool: Pool) -> int:
        """Runs of its jobs that have not begun."""
        waiting: int = self.context["uses"][pool.pk].waiting
        return waiting


class PoolViewSet(TenantEngineViewSet):
    noun = "pool"
    queryset = Pool.objects.none()
    serializer_class = PoolSerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve"), Scope.SCHEDULER_READ),
        **dict.fromkeys(("create", "partial_update", "destroy"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {
        "list": "list_pools",
        "retrieve": "get_pool",
        "create": "create_pool",
        "partial_update": "change_pool",
        "destroy": "delete_pool",
    }
    errors = {"destroy": {409: "Jobs run in the pool."}}
    parameters = {"list": NamedParameters}
    version_field = "updated_at"

    @extend_schema(responses=PoolSerializer(many=True))
    def list(self, request: Request) -> Response:
        """The pools of the caller's tenants."""
        found = narrowing.find_named(self.scoped(Pool.objects.select_related("tenant")), **self.filters)
        return self.get_paginated_response(_shown(self.paginate_queryset(found) or []))

    def retrieve(self, request: Request, pk: str) -> Response:
        """One pool, with how many of its slots are taken and how many runs wait."""
        return Response(_shown([self.find(Pool.objects.select_related("tenant"), pk)])[0])

    @extend_schema(
        request=PoolCreationSerializer,
        responses={201: PoolSerializer},
        parameters=[TENANT_PARAMETER],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """A new pool. No run is held back by it until a job names it."""
        options, data = split_body(request, PoolCreationOptionsSerializer)
        tenant = self.tenant_to_write_to(options.get("tenant"))
        made = pools.create(data, tenant=tenant, actor=self.principal.label)
        answer = Response(_shown([made])[0], status=status.HTTP_201_CREATED)
        answer.headers["Location"] = reverse("pool-detail", args=[made.pk])
        return answer

    @extend_schema(request=PoolFieldsSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change its name or size. Of a smaller pool the surplus ends with the runs that hold it."""
        pool = self.find(Pool.objects.only("id", "tenant_id"), pk)
        _, data = split_body(request, StrictSerializer)
        with self.unless_changed(pool):
            changed = pools.change(pool.pk, data, actor=self.principal.label)
        return Response(_shown([changed])[0])

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a pool that no job runs in."""
        pool = self.find(Pool.objects.only("id", "tenant_id"), pk)
        with self.unless_changed(pool):
            pools.delete(pool.pk, actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _shown(rows: Sequence[Pool]) -> Any:
    return PoolSerializer(rows, many=True, context={"uses": pools.use_of(list(rows))}).data
