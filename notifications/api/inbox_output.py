"""The notifications of an inbox as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from notifications.models import Notification
from scheduler_project.api.serializers import (
    ObjectField,
    RowSerializer,
)


class NotificationSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True, allow_null=True)
    tenant_id = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null: of the whole system.")
    user = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)
    user_id = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null: for all of the tenant.")
    meta = ObjectField(read_only=True)
    read_at = serializers.SerializerMethodField()

    needs = {"read_at": ("read_at",)}

    class Meta:
        model = Notification
        fields = (
            "id",
            "tenant",
            "tenant_id",
            "user",
            "user_id",
            "type",
            "severity",
            "title",
            "body",
            "count",
            "meta",
            "created_at",
            "last_at",
            "read_at",
            "ttl_at",
        )
        read_only_fields = fields

    def get_read_at(self, row: Notification) -> datetime | None:
        """When the caller read it."""
        return row.seen_at


class CountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(read_only=True, help_text="How many notifications it was.")


class UnreadSerializer(serializers.Serializer[Any]):
    unread = serializers.IntegerField(read_only=True, help_text="How many the caller has not read; always exact.")
    seq = serializers.CharField(
        read_only=True, help_text="The place in the topic `notifications` of the live channel that belongs to it."
    )
