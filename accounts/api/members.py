"""`/api/v1/members`: who is a member of the caller's tenants, and as what."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import members
from accounts.api.base import AccountsViewSet, giver
from accounts.models import Membership, Tenant
from accounts.scopes import ROLE_SCOPES, Role, Scope
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import RowSerializer, StrictSerializer, TextField
from scheduler_project.api.views import TENANT_PARAMETER


class RoleSerializer(StrictSerializer):
    role = serializers.ChoiceField(choices=Role.choices, help_text="None that gives more than the caller holds.")


class MemberCreationSerializer(RoleSerializer):
    user = TextField(max_length=150, help_text="User name of somebody who can sign in.")
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class MemberSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    user = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    active = serializers.BooleanField(source="user.is_active", read_only=True, help_text="Whether they can sign in.")
    scopes = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ("id", "tenant", "user", "active", "role", "scopes", "created_at")
        read_only_fields = fields

    def get_scopes(self, member: Membership) -> list[str]:
        """What the role amounts to."""
        return sorted(ROLE_SCOPES[member.role])


class MemberParameters(StrictSerializer):
    tenant = serializers.CharField(required=False, max_length=63, help_text="Slug of a tenant.")
    role = serializers.ChoiceField(choices=Role.choices, required=False)


class MemberViewSet(AccountsViewSet):
    noun = "member"
    queryset = Membership.objects.none()
    serializer_class = MemberSerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve"), Scope.TENANT_READ),
        **dict.fromkeys(("create", "partial_update", "destroy"), Scope.TENANT_WRITE),
    }
    operation_ids = {
        "list": "list_members",
        "retrieve": "get_member",
        "create": "add_member",
        "partial_update": "change_role_of_member",
        "destroy": "remove_member",
    }
    parameters = {"list": MemberParameters}
    version_field = "role"
    errors = {action: {409: "It is the tenant's last administrator."} for action in ("partial_update", "destroy")}

    def list(self, request: Request) -> Response:
        """The members of the caller's tenants, by name."""
        found = self.scoped(_members()).order_by("user__username", "id")
        names = {"tenant": "tenant__slug", "role": "role"}
        return self.answer_page(
            found.filter(**{names[name]: value for name, value in self.filters.items()}), MemberSerializer
        )

    def retrieve(self, request: Request, pk: str) -> Response:
        """One member."""
        return Response(MemberSerializer(self.find(_members(), pk)).data)

    @extend_schema(
        request=MemberCreationSerializer,
        responses={201: MemberSerializer},
        parameters=[TENANT_PARAMETER],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Give somebody who can sign in a role in the tenant."""
        wish = self.read_body(MemberCreationSerializer)
        tenant = self.tenant_to_write_to(wish.get("tenant"))
        user = members.find_user(wish["user"])
        made = members.add(user, wish["role"], tenant=tenant, by=giver(self.principal, tenant.pk))
        answer = Response(MemberSerializer(made).data, status=status.HTTP_201_CREATED)
        answer.headers["Location"] = reverse("member-detail", args=[made.pk])
        return answer

    @extend_schema(request=RoleSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give the member another role. It counts within 5 seconds everywhere."""
        member = self.find(_members(), pk)
        role = self.read_body(RoleSerializer)["role"]
        with self.unless_changed(member):
            changed = members.change(member.pk, role, by=giver(self.principal, member.tenant_id))
        return Response(MemberSerializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """End the membership; the user stays."""
        member = self.find(_members(), pk)
        with self.unless_changed(member):
            members.remove(member.pk, by=giver(self.principal, member.tenant_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def lock_before(self, row: Model) -> None:
        Tenant.objects.select_for_update(no_key=True).get(memberships=row.pk)


def _members() -> QuerySet[Membership]:
    return Membership.objects.select_related("tenant", "user")
