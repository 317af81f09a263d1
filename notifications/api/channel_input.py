"""Channels as the API takes them. `notifications.channels` judges them; this only documents the shape."""

from __future__ import annotations

from rest_framework import serializers

from notifications.channels import registry
from notifications.channels.examples import LABELS
from notifications.channels.message import MOST_TITLE, OF_ONE_JOB, PLACEHOLDERS
from notifications.channels.reader import KINDS, MOST_BODY, MOST_NAME, MOST_PER_MINUTE
from notifications.rules.kinds import Kind
from scheduler_project.api.serializers import (
    ObjectField,
    StrictSerializer,
    TextField,
    WholeNumberField,
)

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
