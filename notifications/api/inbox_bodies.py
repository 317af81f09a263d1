"""What `/api/v1/notifications` reads and answers."""

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
from notifications.inbox.reading import Wanted
from notifications.inbox.writing import LONGEST_TITLE, LONGEST_TYPE
from notifications.models import Notification
from notifications.rules.kinds import Severity
from scheduler_project.api.serializers import (
    IdsParameter,
    InstantField,
    ObjectField,
    RowSerializer,
    StrictSerializer,
    TextField,
    WholeNumberField,
)
from scheduler_project.api.sparse import FieldsParameter
from scheduler_project.lib import plain_text

SEVERITIES = [severity.value for severity in Severity]
TYPE = r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z"
LARGEST_ID = 2**63 - 1
MOST_IDS = 500


def is_plain(text: str) -> None:
    if not plain_text.is_printable(text):
        raise serializers.ValidationError(plain_text.REFUSAL)


def is_plain_with_lines(text: str) -> None:
    if not plain_text.is_printable(text, lines=True):
        raise serializers.ValidationError(plain_text.REFUSAL)


# --- which ------------------------------------------------------------------------------------------------------------


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


class ClearParameters(WhichSerializer):
    which = serializers.ChoiceField(
        choices=["read", "all"], default="read", help_text="`all`: those that nobody has read yet, too."
    )


# --- a new one --------------------------------------------------------------------------------------------------------


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


# --- answers ----------------------------------------------------------------------------------------------------------


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


class NotificationListParameters(WhichListParameters):
    fields = FieldsParameter(NotificationSerializer)  # type: ignore[assignment]


class CountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(read_only=True, help_text="How many notifications it was.")


class UnreadSerializer(serializers.Serializer[Any]):
    unread = serializers.IntegerField(read_only=True, help_text="How many the caller has not read; always exact.")
    seq = serializers.CharField(
        read_only=True, help_text="The place in the topic `notifications` of the live channel that belongs to it."
    )
