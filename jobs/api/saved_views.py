"""`/api/v1/saved-views`: searches of the console's lists under a name, one's own and those shared with the tenant."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import saved_views
from jobs.api.base import TenantEngineViewSet, split_body
from jobs.models import SavedView
from jobs.rules.states import ListPage
from jobs.saved_views import LONGEST_NAME, LONGEST_QUERY
from scheduler_project.api import refusals
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import RowSerializer, StrictSerializer, TextField, TrueOrFalseField
from scheduler_project.api.views import TENANT_PARAMETER


class SavedViewParameters(StrictSerializer):
    of = serializers.ChoiceField(choices=list(ListPage), required=False, help_text="Those of one list.")


class SavedViewChangeSerializer(StrictSerializer):
    name = TextField(max_length=LONGEST_NAME, required=False)
    query = TextField(
        max_length=LONGEST_QUERY,
        allow_blank=True,
        required=False,
        help_text="As in the address of the list: `state=paused&tag=finance&sort=-next_run`.",
    )
    is_shared = TrueOrFalseField(required=False, help_text="The whole tenant sees it; needs `scheduler:write`.")
    is_default = TrueOrFalseField(required=False, help_text="Its owner's list opens with it.")


class SavedViewCreationSerializer(SavedViewChangeSerializer):
    name = TextField(max_length=LONGEST_NAME)
    page = serializers.ChoiceField(choices=list(ListPage))
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class CreationOptionsSerializer(StrictSerializer):
    tenant = TextField(required=False, max_length=63)


class SavedViewSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    owner = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = SavedView
        fields = ("id", "tenant", "owner", "page", "name", "query", "is_shared", "is_default", "updated_at")
        read_only_fields = fields


class SavedViewViewSet(TenantEngineViewSet):
    noun = "saved view"
    queryset = SavedView.objects.none()
    serializer_class = SavedViewSerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve"), Scope.SCHEDULER_READ),
        # What nobody else sees needs scheduler:read only.
        **dict.fromkeys(("create", "partial_update", "destroy"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {
        "list": "list_saved_views",
        "retrieve": "get_saved_view",
        "create": "create_saved_view",
        "partial_update": "change_saved_view",
        "destroy": "delete_saved_view",
    }
    parameters = {"list": SavedViewParameters}
    version_field = "updated_at"

    @property
    def scope(self) -> str:
        return self.asked_scope(self.request)

    def asked_scope(self, request: Request) -> str:
        return Scope.SCHEDULER_READ if self._concerns_nobody_else(request) else self.required_scopes[self.action]

    def list(self, request: Request) -> Response:
        """The caller's own views, and those that are shared in the caller's tenants."""
        found = self.scoped(self._views()).order_by("name", "id")
        page = self.filters.get("of")
        return self.answer_page(found.filter(page=page) if page else found, SavedViewSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One view."""
        return Response(SavedViewSerializer(self.find(self._views(), pk)).data)

    @extend_schema(
        request=SavedViewCreationSerializer, responses={201: SavedViewSerializer}, parameters=[TENANT_PARAMETER]
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Save a search. What a key saves is shared: it has no views of its own."""
        options, data = split_body(request, CreationOptionsSerializer)
        tenant = self.tenant_to_write_to(options.get("tenant"))
        made = saved_views.create(data, tenant=tenant, owner_id=self._user_id, actor=self.principal.label)
        answer = Response(SavedViewSerializer(made).data, status=status.HTTP_201_CREATED)
        answer.headers["Location"] = reverse("saved-view-detail", args=[made.pk])
        return answer

    @extend_schema(request=SavedViewChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Rename it, give it another search, share it, or make it the default."""
        view = self._find_to_change(pk)
        _, data = split_body(request, StrictSerializer)
        with self.unless_changed(view):
            changed = saved_views.change(view.pk, data, actor=self.principal.label)
        return Response(SavedViewSerializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a view."""
        view = self._find_to_change(pk)
        with self.unless_changed(view):
            saved_views.delete(view.pk, actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _find_to_change(self, pk: str) -> SavedView:
        """What is shared may be changed by those who may write."""
        view = self.find(self._views(), pk)
        if not saved_views.is_own(view, self._user_id) and not self.principal.may(
            Scope.SCHEDULER_WRITE, view.tenant_id
        ):
            raise refusals.of_row(
                self.principal, Scope.SCHEDULER_WRITE, noun=self.noun, pk=pk, tenant_id=view.tenant_id
            )
        return view

    def _concerns_nobody_else(self, request: Request) -> bool:
        if self.action in ("list", "retrieve") or self._user_id is None:
            return False
        body = request.data if isinstance(request.data, dict) else {}
        if self.action == "create":
            return not body.get("is_shared")
        pk = self.kwargs.get("pk", "")
        own = SavedView.objects.filter(pk=int(pk) if pk.isdecimal() else 0, owner_id=self._user_id)
        return own.exists() and not body.get("is_shared")

    @property
    def _user_id(self) -> int | None:
        return self.principal.user.pk if self.principal.user is not None else None

    def _views(self) -> QuerySet[SavedView]:
        return saved_views.visible(SavedView.objects.select_related("tenant", "owner"), self._user_id)
