"""Channels and deliveries as the API shows and takes them; judged by `notifications.channels`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.scopes import Scope
from jobs.api.webhooks import TrySerializer
from notifications.channels import registry, showing
from notifications.channels.examples import LABELS, of_delivery
from notifications.channels.message import MOST_TITLE, OF_ONE_JOB, PLACEHOLDERS
from notifications.channels.reader import KINDS, MOST_BODY, MOST_NAME, MOST_PER_MINUTE
from notifications.channels.trials import shown
from notifications.models import Channel, Delivery
from notifications.rules.kinds import ChannelKind, Kind, SendingStatus, Severity
from scheduler_project.api.serializers import (
    ObjectField,
    RowSerializer,
    StrictSerializer,
    TextField,
    WholeNumberField,
)

ONCE = "Of channels that sign their calls: the secret, shown this once. It cannot be had again."
WORDS = (
    f"Empty: the usual words. May contain {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}. Those that name "
    f"{', '.join(f'{{{name}}}' for name in PLACEHOLDERS if name in OF_ONE_JOB)} give way to the usual words where a "
    "message is about many jobs or none."
)
SETTINGS = " ".join(
    f"`{one.kind.value}`: "
    + ", ".join(f"`{field.name}`{' (secret)' if field.is_secret else ''}" for field in one.fields)
    + "."
    for one in registry.all_types()
)


# --- bodies; these only document the shape ----------------------------------------------------------------------------


class ChannelOptionsSerializer(StrictSerializer):
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class ChannelFieldsSerializer(StrictSerializer):
    name = serializers.CharField(max_length=MOST_NAME, help_text="Unique in the tenant.")
    kind = serializers.ChoiceField(choices=KINDS, help_text="It stays as it is when the channel is changed.")
    config = ObjectField(help_text=f"Settings by kind; those left out of a change stay. {SETTINGS}")
    title_text = serializers.CharField(required=False, allow_blank=True, max_length=MOST_TITLE, help_text=WORDS)
    body_text = serializers.CharField(required=False, allow_blank=True, max_length=MOST_BODY, help_text=WORDS)
    enabled = serializers.BooleanField(required=False)
    per_minute = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST_PER_MINUTE, help_text="So many messages a minute at most."
    )


class ChannelCreationSerializer(ChannelOptionsSerializer, ChannelFieldsSerializer):
    pass


class ChannelPreviewSerializer(StrictSerializer):
    title_text = TextField(
        required=False, allow_blank=True, max_length=MOST_TITLE, help_text="Instead of the channel's own."
    )
    body_text = TextField(
        required=False, allow_blank=True, max_length=MOST_BODY, help_text="Instead of the channel's own."
    )
    about = serializers.ChoiceField(
        choices=list(LABELS), default=Kind.FAILED.value, help_text="What the example is of."
    )
    count = WholeNumberField(default=1, min_value=1, max_value=1_000_000, help_text="How often it happened.")
    delivery = WholeNumberField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="A delivery of this channel instead of an example."
    )


# --- answers ----------------------------------------------------------------------------------------------------------


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


# --- query strings ----------------------------------------------------------------------------------------------------


class ChannelParameters(StrictSerializer):
    tenant = serializers.CharField(required=False, max_length=63, help_text="Slug of a tenant.")
    kind = serializers.ChoiceField(choices=KINDS, required=False)
    enabled = serializers.BooleanField(required=False, allow_null=True, default=None)
    q = serializers.CharField(required=False, max_length=100, help_text="Part of a name.")


class SendingParameters(StrictSerializer):
    tenant = serializers.CharField(required=False, max_length=63, help_text="Slug of a tenant.")
    channel = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1, help_text="Id of a channel.")
    rule = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1, help_text="Id of a rule.")
    status = serializers.ChoiceField(choices=[one.value for one in SendingStatus], required=False)
    severity = serializers.ChoiceField(choices=[one.value for one in Severity], required=False)
    type = serializers.CharField(required=False, max_length=60, help_text="Such as job.failed.")
