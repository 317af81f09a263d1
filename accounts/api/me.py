"""`/api/v1/me`: who the caller is, what they may do where, and until when."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from accounts.models import Tenant
from accounts.scopes import Scope
from scheduler_project.api import principal as principals
from scheduler_project.api.permissions import SIGNED_IN
from scheduler_project.api.principal import Principal
from scheduler_project.api.serializers import InstantField
from scheduler_project.api.views import ApiViewSet

MOST_TENANTS = 200


class PlaceSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    slug = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField(allow_null=True, help_text="Of a person who is a member.")
    scopes = serializers.ListField(child=serializers.CharField())


class CallerKeySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField()


class MeSerializer(serializers.Serializer[Any]):
    actor = serializers.CharField(help_text="How the audit trail names the caller: `user:<name>` or `key:<prefix>`.")
    credential = serializers.ChoiceField(choices=("key", "token", "session"))
    expires_at = InstantField(allow_null=True, help_text="When the credential ends; null: not by itself.")
    is_superuser = serializers.BooleanField()
    user = serializers.CharField(allow_null=True)
    key = CallerKeySerializer(allow_null=True)
    tenants = PlaceSerializer(many=True, help_text=f"At most {MOST_TENANTS}; `/api/v1/tenants` has all.")


class MeViewSet(ApiViewSet):
    queryset = Tenant.objects.none()
    serializer_class = MeSerializer
    required_scopes = {"retrieve": SIGNED_IN}
    operation_ids = {"retrieve": "get_me"}

    @extend_schema(responses=MeSerializer)
    def retrieve(self, request: Request) -> Response:
        """Who the credential at hand stands for, and the scopes that it holds in each tenant."""
        return Response(MeSerializer(_facts(self.principal)).data)


def _facts(caller: Principal) -> dict[str, Any]:
    key, user = caller.key, caller.user
    roles = access.roles(user) if user is not None else {}
    return {
        "actor": caller.label,
        "credential": caller.via,
        "expires_at": caller.until,
        "is_superuser": caller.is_superuser,
        "user": user.get_username() if user is not None else None,
        "key": {"id": key.pk, "name": key.name, "prefix": key.prefix} if key is not None else None,
        "tenants": [
            {
                "id": tenant.pk,
                "slug": tenant.slug,
                "name": tenant.name,
                "role": roles.get(tenant.pk),
                "scopes": sorted(Scope.values if caller.is_superuser else caller.scopes[tenant.pk]),
            }
            for tenant in principals.tenants_of(caller)[:MOST_TENANTS]
        ],
    }
