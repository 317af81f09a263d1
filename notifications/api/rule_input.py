"""Rules as the API takes them. `notifications.rulebook` judges them; this only documents the shape."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from notifications.rulebook.reader import (
    KINDS,
    MOST_A_DAY,
    MOST_IN_ROW,
    MOST_MINUTES,
    MOST_NAME,
    MOST_TAG,
    SEVERITIES,
)
from scheduler_project.api.serializers import AnyJSONField, StrictSerializer, TextField

CLOCK = {"type": "string", "example": "22:00"}

QUIET_HOURS = {
    "type": "object",
    "required": ["from", "until"],
    "properties": {
        "from": CLOCK,
        "until": {**CLOCK, "example": "07:00", "description": "Over midnight when it is before `from`."},
    },
}


@extend_schema_field(QUIET_HOURS)
class QuietHoursField(AnyJSONField):
    """Two times of day, or null."""


class RuleFieldsSerializer(StrictSerializer):
    name = serializers.CharField(max_length=MOST_NAME)
    enabled = serializers.BooleanField(required=False)
    job = serializers.IntegerField(required=False, allow_null=True, help_text="Of this job; null: of a tag or of all.")
    tag = serializers.CharField(
        required=False, allow_blank=True, max_length=MOST_TAG, help_text="Of jobs with this tag; empty: of all."
    )
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=KINDS),
        required=False,
        help_text="What to tell of. Only superusers ask for `circuit`, `scheduler` and `worker`.",
    )
    in_row = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST_IN_ROW, help_text="How many failures in a row there must be."
    )
    only_changes = serializers.BooleanField(
        required=False, help_text="Failures after the first (or the Nth) are not told until the job has recovered."
    )
    severity = serializers.ChoiceField(
        choices=SEVERITIES, required=False, allow_null=True, help_text="Null: that of the kind."
    )
    to_owner = serializers.BooleanField(required=False, help_text="The owner of the job.")
    to_everyone = serializers.BooleanField(required=False, help_text="One notification for all of the tenant.")
    users = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Names of members of the tenant."
    )
    channels = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Ids of channels of the tenant."
    )
    group_minutes = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_MINUTES,
        help_text="After a message by a channel, what follows about the same is gathered so long.",
    )
    daily_cap = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_A_DAY,
        help_text="Messages a day to each; the rest is counted in one.",
    )
    zone = serializers.CharField(
        required=False, help_text="Where the quiet hours and the day of the cap are; an IANA name, UTC unless told."
    )
    quiet_hours = QuietHoursField(required=False, allow_null=True, help_text="Then nothing is sent by channels.")
    quiet_passes = serializers.ChoiceField(
        choices=SEVERITIES, required=False, help_text="From this severity on it is sent in quiet hours too."
    )


class RuleOptionsSerializer(StrictSerializer):
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class RuleCreationSerializer(RuleOptionsSerializer, RuleFieldsSerializer):
    pass
