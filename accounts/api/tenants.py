"""`/api/v1/tenants`: the tenants that the caller is a member of. Superusers see, make, rename and deactivate all."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import tenants
from accounts.api.base import AccountsViewSet
from accounts.models import Tenant
from accounts.scopes import Scope
from scheduler_project.api import refusals
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.permissions import SIGNED_IN
from scheduler_project.api.serializers import RowSerializer, StrictSerializer, TextField, TrueOrFalseField


class TenantSerializer(RowSerializer):
    active = serializers.BooleanField(source="is_active", read_only=True)

    class Meta:
        model = Tenant
        fields = ("id", "slug", "name", "active", "created_at")
        read_only_fields = fields


class TenantCreationSerializer(StrictSerializer):
    slug = TextField(max_length=63, trim_whitespace=False, help_text="1 to 63 of a-z, 0-9 and -. It never changes.")
    name = TextField(max_length=200)


class TenantChangeSerializer(StrictSerializer):
    name = TextField(max_length=200, required=False)
    active = TrueOrFalseField(required=False, help_text="While it is not, its keys and members get in nowhere.")


class TenantViewSet(AccountsViewSet):
    noun = "tenant"
    queryset = Tenant.objects.none()
    serializer_class = TenantSerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve"), SIGNED_IN),
        **dict.fromkeys(("create", "partial_update"), Scope.TENANT_WRITE),
    }
    operation_ids = {
        "list": "list_tenants",
        "retrieve": "get_tenant",
        "create": "create_tenant",
        "partial_update": "change_tenant",
    }

    def list(self, request: Request) -> Response:
        """The tenants in which the caller holds anything, by slug."""
        return self.answer_page(self._own().order_by("slug"), TenantSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One tenant."""
        return Response(TenantSerializer(self._find(pk)).data)

    @extend_schema(request=TenantCreationSerializer, responses={201: TenantSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """A new tenant, without members. For superusers."""
        self._superusers_only()
        made = tenants.create(**self.read_body(TenantCreationSerializer), actor=self.principal.label)
        answer = Response(TenantSerializer(made).data, status=status.HTTP_201_CREATED)
        answer.headers["Location"] = reverse("tenant-detail", args=[made.pk])
        return answer

    @extend_schema(request=TenantChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Rename, deactivate or activate it. For superusers. Tenants are never deleted."""
        tenant = self._find(pk)
        self._superusers_only()
        names = {"name": "name", "active": "is_active"}
        wish = {names[name]: value for name, value in self.read_body(TenantChangeSerializer).items()}
        return Response(TenantSerializer(tenants.change(tenant.pk, wish, actor=self.principal.label)).data)

    def _own(self) -> QuerySet[Tenant]:
        every: QuerySet[Tenant] = Tenant.objects.all()
        return every if self.principal.is_superuser else every.filter(pk__in=list(self.principal.scopes))

    def _find(self, pk: str) -> Tenant:
        found = self._own().filter(pk=int(pk)).first()
        if found is not None:
            return found
        if not Tenant.objects.filter(pk=int(pk)).exists():
            raise NotFound(f"There is no tenant {pk}.")
        raise refusals.OtherTenant(
            f"{self.principal.label} is no member of the tenant {pk}. "
            "Use a key of that tenant, or ask one of its administrators for a membership."
        )

    def _superusers_only(self) -> None:
        refusals.require_superuser(self.principal, "Only superusers make and change tenants")
