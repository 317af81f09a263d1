"""How API keys are shown, and what is read to make or replace one."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts import keys
from accounts.models import ApiKey
from accounts.scopes import Scope
from scheduler_project.api.serializers import (
    InstantField,
    RowSerializer,
    StrictSerializer,
    TextField,
    TrueOrFalseField,
    WholeNumberField,
)

ONCE = "What programs send. It is shown this once and cannot be had again."
STATES = ("good", "expired", "revoked")


class KeySerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    state = serializers.SerializerMethodField()
    internal = serializers.BooleanField(source="is_internal", read_only=True, help_text="No rate limit holds for it.")
    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)
    rotated_from = serializers.IntegerField(source="rotated_from_id", read_only=True, allow_null=True)
    replaced_by = serializers.SerializerMethodField()

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            *("id", "tenant", "name", "prefix", "scopes", "state", "internal", "created_at", "created_by"),
            *("expires_at", "last_used_at", "revoked_at", "revoked_by", "rotated_from", "replaced_by"),
        )
        read_only_fields = fields

    def get_state(self, key: ApiKey) -> str:
        """`good`, `expired` or `revoked`."""
        if key.revoked_at is not None:
            return "revoked"
        return "expired" if key.expires_at is not None and key.expires_at <= timezone.now() else "good"

    def get_replaced_by(self, key: ApiKey) -> int | None:
        """The id of the key that rotation put in its place."""
        successor: ApiKey | None = getattr(key, "replaced_by", None)
        return successor.pk if successor is not None else None


class KeyWithTextSerializer(KeySerializer):
    key = serializers.SerializerMethodField(help_text=ONCE)

    class Meta(KeySerializer.Meta):
        fields = (*KeySerializer.Meta.fields, "key")
        read_only_fields = fields

    def get_key(self, key: ApiKey) -> str:
        return str(self.context["text"])


class KeyNameSerializer(StrictSerializer):
    name = TextField(max_length=200, help_text="What the key is for.")


class KeyCreationSerializer(KeyNameSerializer):
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        min_length=1,
        max_length=len(Scope.values),
        help_text="Only scopes that the caller holds in the tenant.",
    )
    expires_at = InstantField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Never, when left out. A key makes none that outlives it.",
    )
    internal = TrueOrFalseField(required=False, default=False, help_text="For superusers: no rate limit holds for it.")
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class KeyRotationSerializer(StrictSerializer):
    overlap_seconds = WholeNumberField(
        required=False,
        default=0,
        min_value=0,
        max_value=int(keys.LONGEST_OVERLAP.total_seconds()),
        help_text="How long the old key stays good; then it has expired.",
    )
    expires_at = InstantField(
        required=False, allow_null=True, default=None, help_text="As long as the old key was to live, when left out."
    )


class KeyParameters(StrictSerializer):
    tenant = serializers.CharField(required=False, max_length=63, help_text="Slug of a tenant.")
    state = serializers.ChoiceField(choices=STATES, required=False)
