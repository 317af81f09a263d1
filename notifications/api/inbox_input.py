"""A notification as a caller writes one: what its fields may be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from rest_framework import serializers

from notifications.inbox import paths
from notifications.inbox.creating import (
    LONGEST_BODY,
    LONGEST_GROUP,
    LONGEST_LIFE,
    LONGEST_META,
    SHORTEST_LIFE,
    New,
)
from notifications.inbox.writing import LONGEST_TITLE, LONGEST_TYPE
from notifications.rules.kinds import Severity
from scheduler_project.api.serializers import (
    InstantField,
    ObjectField,
    StrictSerializer,
    TextField,
    WholeNumberField,
)
from scheduler_project.lib import plain_text

SEVERITIES = [severity.value for severity in Severity]
TYPE = r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z"
LARGEST_ID = 2**63 - 1


def is_plain(text: str) -> None:
    if not plain_text.is_printable(text):
        raise serializers.ValidationError(plain_text.REFUSAL)


def is_plain_with_lines(text: str) -> None:
    if not plain_text.is_printable(text, lines=True):
        raise serializers.ValidationError(plain_text.REFUSAL)


class NotificationCreationSerializer(StrictSerializer):
    """For one member (`user` or `user_id`), or with neither for all members of the tenant."""

    title = TextField(max_length=LONGEST_TITLE, validators=[is_plain])
    type = serializers.RegexField(
        TYPE,
        max_length=LONGEST_TYPE,
        default="note",
        help_text="What it is about, such as `backup.done`: letters, digits, dots, dashes and underscores.",
    )
    severity = serializers.ChoiceField(choices=SEVERITIES, default=Severity.INFO.value)
    body = TextField(max_length=LONGEST_BODY, default="", allow_blank=True, validators=[is_plain_with_lines])
    meta = ObjectField(default=dict, help_text="Anything that goes with it; `path` is where a click leads to.")
    user = TextField(max_length=150, required=False, allow_null=True, help_text="Name of a member.")
    user_id = WholeNumberField(min_value=1, max_value=LARGEST_ID, required=False, allow_null=True)
    group = TextField(
        max_length=LONGEST_GROUP,
        default="",
        allow_blank=True,
        validators=[is_plain],
        help_text="While one of the same group is unread, the new one is counted in it.",
    )
    ttl_seconds = WholeNumberField(
        min_value=int(SHORTEST_LIFE.total_seconds()),
        max_value=int(LONGEST_LIFE.total_seconds()),
        required=False,
        allow_null=True,
        help_text="How long it stays; `DAYBOOK_NOTIFICATIONS_KEPT_DAYS` unless told.",
    )
    ttl_at = InstantField(required=False, allow_null=True, help_text="Instead of `ttl_seconds`: until when.")
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )

    def validate_meta(self, value: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(value)) > LONGEST_META:
            raise serializers.ValidationError(f"Write at most {LONGEST_META} characters of JSON.")
        if not paths.is_ours(value.get("path", "/")):
            raise serializers.ValidationError("`path` must be a path of this server, such as /admin/.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for one, other in (("user", "user_id"), ("ttl_seconds", "ttl_at")):
            if attrs.get(one) is not None and attrs.get(other) is not None:
                raise serializers.ValidationError({other: [f"Write {one} or {other}, not both."]})
        at = attrs.get("ttl_at")
        if at is not None and not SHORTEST_LIFE <= at - datetime.now(UTC) <= LONGEST_LIFE:
            raise serializers.ValidationError({"ttl_at": ["Write an instant from a minute to 365 days from now."]})
        return attrs


def new_of(values: dict[str, Any]) -> New:
    user = values.get("user")
    return New(
        type=values["type"],
        title=values["title"],
        severity=values["severity"],
        body=values["body"],
        meta=values["meta"],
        user=values.get("user_id") if user is None else user,
        group=values["group"],
        life=_life(values),
    )


def _life(values: dict[str, Any]) -> timedelta | None:
    if values.get("ttl_at") is not None:
        until: datetime = values["ttl_at"]
        return until - datetime.now(UTC)
    seconds = values.get("ttl_seconds")
    return None if seconds is None else timedelta(seconds=seconds)
