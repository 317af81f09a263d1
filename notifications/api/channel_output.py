"""Channels, tries of them and deliveries as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.scopes import Scope
from jobs.api.webhooks import TrySerializer
from notifications.channels import showing
from notifications.channels.examples import of_delivery
from notifications.channels.trials import shown
from notifications.models import Channel, Delivery
from notifications.rules.kinds import ChannelKind, SendingStatus
from scheduler_project.api.serializers import (
    ObjectField,
    RowSerializer,
)

ONCE = "Of channels that sign their calls: the secret, shown this once. It cannot be had again."


class NewestDeliverySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    status = serializers.ChoiceField(choices=[one.value for one in SendingStatus], read_only=True)
    reason = serializers.CharField(read_only=True)
    at = serializers.DateTimeField(read_only=True)
    tries = serializers.IntegerField(read_only=True)


class ChannelSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    config = serializers.SerializerMethodField(
        help_text="Without secrets. Of addresses, who may not change the channel sees only where they lead."
    )
    has_secret = serializers.SerializerMethodField(help_text="Whether a secret is stored; it is never shown.")
    enabled = serializers.BooleanField(source="is_enabled", read_only=True)
    newest_delivery = serializers.SerializerMethodField(help_text="What became of the newest message, or null.")

    class Meta:
        model = Channel
        fields: tuple[str, ...] = (
            *("id", "tenant", "name", "kind", "config", "has_secret", "title_text", "body_text", "enabled"),
            *("per_minute", "failures_in_row", "open_until", "newest_delivery", "previous_until"),
            *("created_at", "updated_at", "updated_by"),
        )
        read_only_fields = fields

    def get_config(self, channel: Channel) -> dict[str, Any]:
        """Without a caller in the context, the answer goes to who has just written it."""
        view = self.context.get("view")
        may_see = view is None or view.principal.may(Scope.SCHEDULER_WRITE, channel.tenant_id)
        return showing.config_of(channel, may_write=may_see)

    def get_has_secret(self, channel: Channel) -> bool:
        return bool(channel.secret)

    @extend_schema_field(NewestDeliverySerializer(allow_null=True))
    def get_newest_delivery(self, channel: Channel) -> Any:
        return getattr(channel, "newest", None)


class ChannelWithSecretSerializer(ChannelSerializer):
    signing_secret = serializers.SerializerMethodField(help_text=ONCE)

    class Meta(ChannelSerializer.Meta):
        fields = (*ChannelSerializer.Meta.fields, "signing_secret")
        read_only_fields = fields

    def get_signing_secret(self, channel: Channel) -> str:
        return str(self.context["secret"])


class ChannelTestSerializer(TrySerializer):
    delivered = serializers.BooleanField(read_only=True)


class ChannelPreviewedSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True)
    sent = ObjectField(read_only=True, help_text="What goes out, in the form that the receiver asks for.")


class SendingSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    channel = serializers.PrimaryKeyRelatedField[Any](read_only=True)
    rule = serializers.PrimaryKeyRelatedField[Any](read_only=True, allow_null=True)
    delivery = serializers.UUIDField(source="uid", read_only=True, help_text="What the receiver knows it by.")
    log = TrySerializer(many=True, read_only=True, help_text="The newest tries.")

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = (
            *("id", "tenant", "channel", "rule", "delivery", "type", "severity", "count", "status", "reason", "tries"),
            *("created_at", "last_at", "not_before", "next_try_at", "give_up_at", "ended_at", "log"),
        )
        read_only_fields = fields


class SendingDetailSerializer(SendingSerializer):
    facts = ObjectField(read_only=True, help_text="What the words are made of.")
    message = serializers.SerializerMethodField(help_text="As it would be worded now.")
    people = serializers.SerializerMethodField(help_text="Of mail: how many people of the rule it is for.")

    class Meta(SendingSerializer.Meta):
        fields = (*SendingSerializer.Meta.fields, "facts", "message", "people")
        read_only_fields = fields

    @extend_schema_field(ChannelPreviewedSerializer)
    def get_message(self, delivery: Delivery) -> Any:
        channel = delivery.channel
        return shown(ChannelKind(channel.kind), of_delivery(delivery, channel), channel.config)

    def get_people(self, delivery: Delivery) -> int:
        return len(delivery.to)
