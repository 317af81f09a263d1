"""Query strings, one serializer for each list, and which notifications are meant."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from notifications.api.inbox_output import NotificationSerializer
from notifications.channels.reader import KINDS as CHANNEL_KINDS
from notifications.inbox.reading import Wanted
from notifications.inbox.writing import LONGEST_TYPE
from notifications.rulebook.reader import KINDS, SEVERITIES
from notifications.rules.kinds import SendingStatus
from scheduler_project.api.serializers import (
    IdsParameter,
    InstantField,
    StrictSerializer,
)
from scheduler_project.api.sparse import FieldsParameter

LARGEST_ID = 2**63 - 1
MOST_IDS = 500


class ChannelParameters(StrictSerializer):
    tenant = serializers.CharField(required=False, max_length=63, help_text="Slug of a tenant.")
    kind = serializers.ChoiceField(choices=CHANNEL_KINDS, required=False)
    enabled = serializers.BooleanField(required=False, allow_null=True, default=None)
    q = serializers.CharField(required=False, max_length=100, help_text="Part of a name.")


class SendingParameters(StrictSerializer):
    tenant = serializers.CharField(required=False, max_length=63, help_text="Slug of a tenant.")
    channel = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID, help_text="Id of a channel.")
    rule = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID, help_text="Id of a rule.")
    status = serializers.ChoiceField(choices=[one.value for one in SendingStatus], required=False)
    severity = serializers.ChoiceField(choices=SEVERITIES, required=False)
    type = serializers.CharField(required=False, max_length=60, help_text="Such as job.failed.")


class RuleParameters(StrictSerializer):
    tenant = serializers.CharField(required=False, max_length=63, help_text="Slug of a tenant.")
    job = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID, help_text="Id of a job.")
    tag = serializers.CharField(required=False, max_length=50)
    kind = serializers.ChoiceField(choices=KINDS, required=False, help_text="Rules that ask for it.")
    enabled = serializers.BooleanField(required=False, allow_null=True, default=None)


class DefaultRuleParameters(StrictSerializer):
    tenant = serializers.CharField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class WhichSerializer(StrictSerializer):
    ids = IdsParameter("notifications", MOST_IDS, help_text="Only these, separated by commas.")
    severity = serializers.ChoiceField(choices=SEVERITIES, required=False, help_text="This one and graver ones.")
    type = serializers.CharField(max_length=LONGEST_TYPE, required=False, help_text="Such as `job.failed`.")
    job = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, help_text="Id of a job.")
    q = serializers.CharField(max_length=200, required=False, help_text="Part of the title or the text.")
    since = InstantField(required=False, help_text="Happened last at or after this.")
    until = InstantField(required=False, help_text="Happened last before this.")
    tenant = serializers.CharField(max_length=63, required=False, help_text="Slug of one tenant.")


class WhichListParameters(WhichSerializer):
    unread = serializers.BooleanField(required=False, help_text="`true`: only unread ones; `false`: only read ones.")


class ClearParameters(WhichSerializer):
    which = serializers.ChoiceField(
        choices=["read", "all"], default="read", help_text="`all`: those that nobody has read yet, too."
    )


class NotificationListParameters(WhichListParameters):
    fields = FieldsParameter(NotificationSerializer)  # type: ignore[assignment]


def wanted_of(values: dict[str, Any]) -> Wanted:
    return Wanted(
        unread=values.get("unread"),
        severity=values.get("severity", ""),
        type=values.get("type", ""),
        job_id=values.get("job"),
        text=values.get("q", ""),
        since=values.get("since"),
        until=values.get("until"),
        tenant=values.get("tenant", ""),
        ids=tuple(values.get("ids", ())),
    )
