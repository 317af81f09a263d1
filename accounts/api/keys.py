"""`/api/v1/keys`: API keys of the caller's tenants. The text of one is in the answer that makes it only."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from accounts.api.base import AccountsViewSet, giver
from accounts.api.key_output import (
    KeyCreationSerializer,
    KeyNameSerializer,
    KeyParameters,
    KeyRotationSerializer,
    KeySerializer,
    KeyWithTextSerializer,
)
from accounts.models import ApiKey
from accounts.scopes import Scope
from scheduler_project.api.idempotency import idempotent_once
from scheduler_project.api.views import TENANT_PARAMETER

NO_REDIS = "Redis does not answer, so no limit could be kept for a new key."


class KeyViewSet(AccountsViewSet):
    noun = "key"
    version_field = "name"
    queryset = ApiKey.objects.none()
    serializer_class = KeySerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve"), Scope.KEYS_READ),
        **dict.fromkeys(("create", "partial_update", "destroy", "rotate"), Scope.KEYS_WRITE),
    }
    operation_ids = {
        "list": "list_keys",
        "retrieve": "get_key",
        "create": "create_key",
        "partial_update": "rename_key",
        "destroy": "revoke_key",
        "rotate": "rotate_key",
    }
    limit_classes = dict.fromkeys(("partial_update", "destroy"), "write")  # they go on without Redis
    parameters = {"list": KeyParameters}
    errors = {
        "create": {409: "The tenant has as many good keys as it can have.", 503: NO_REDIS},
        "rotate": {409: "The key was rotated before, or is no longer good.", 503: NO_REDIS},
    }

    def list(self, request: Request) -> Response:
        """The keys of the caller's tenants, good or not; the newest first. None has its text."""
        found = self.scoped(_keys()).order_by("-created_at", "-id")
        if "tenant" in self.filters:
            found = found.filter(tenant__slug=self.filters["tenant"])
        if "state" in self.filters:
            found = found.filter(_in_state(self.filters["state"]))
        return self.answer_page(found, KeySerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One key, without its text."""
        return Response(KeySerializer(self.find(_keys(), pk)).data)

    @extend_schema(
        request=KeyCreationSerializer,
        responses={201: KeyWithTextSerializer},
        parameters=[TENANT_PARAMETER],
    )
    @idempotent_once
    def create(self, request: Request) -> Response:
        """A new key, with scopes that the caller holds. Only this answer has its text."""
        wish = self.read_body(KeyCreationSerializer)
        tenant = self.tenant_to_write_to(wish.pop("tenant", None))
        internal = wish.pop("internal")
        made, text = keys.create(**wish, is_internal=internal, tenant=tenant, by=giver(self.principal, tenant.pk))
        return _with_text(made.pk, text)

    @extend_schema(request=KeyNameSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Call it something else. What it opens never changes."""
        key = self.find(_keys(), pk)
        name = self.read_body(KeyNameSerializer)["name"]
        with self.unless_changed(key):
            keys.rename(key.pk, name, by=giver(self.principal, key.tenant_id))
        return Response(KeySerializer(_keys().get(pk=key.pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Revoke it for ever: this process refuses it at once, every other within 5 seconds."""
        key = self.find(_keys(), pk)
        with self.unless_changed(key):
            keys.revoke(key.pk, by=giver(self.principal, key.tenant_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=KeyRotationSerializer, responses={201: KeyWithTextSerializer})
    @idempotent_once
    def rotate(self, request: Request, pk: str) -> Response:
        """A new key with the same scopes, whose text only this answer has. The old one expires after the overlap."""
        key = self.find(_keys(), pk)
        wish = self.read_body(KeyRotationSerializer)
        overlap = timedelta(seconds=wish["overlap_seconds"])
        by = giver(self.principal, key.tenant_id)
        made, text = keys.rotate(key.pk, by=by, overlap=overlap, expires_at=wish["expires_at"])
        return _with_text(made.pk, text)


def _keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.select_related("tenant", "created_by", "replaced_by")


def _in_state(state: str) -> Q:
    now = timezone.now()
    return {
        "revoked": Q(revoked_at__isnull=False),
        "expired": Q(revoked_at=None, expires_at__lte=now),
        "good": Q(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None),
    }[state]


def _with_text(key_id: int, text: str) -> Response:
    shown = KeyWithTextSerializer(_keys().get(pk=key_id), context={"text": text})
    answer = Response(shown.data, status=status.HTTP_201_CREATED)
    answer.headers["Location"] = reverse("key-detail", args=[key_id])
    return answer
