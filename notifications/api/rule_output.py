"""Rules as the API shows and takes them; judged by `notifications.rulebook`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Tenant
from notifications.models import Rule
from notifications.rulebook.reader import (
    FIELDS,
    KINDS,
    MOST_A_DAY,
    MOST_IN_ROW,
    MOST_MINUTES,
    MOST_NAME,
    MOST_TAG,
    SEVERITIES,
    RuleInput,
)
from notifications.rulebook.shapes import built_in
from scheduler_project.api.serializers import AnyJSONField, InstantField, StrictSerializer, TextField

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


# --- bodies; these only document the shape ----------------------------------------------------------------------------


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


# --- answers ----------------------------------------------------------------------------------------------------------


class RuleSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Null: the default rule as it is built in, which has no row yet."
    )
    tenant = serializers.CharField(read_only=True)
    is_default = serializers.BooleanField(read_only=True)
    name = serializers.CharField(read_only=True)
    enabled = serializers.BooleanField(read_only=True)
    job = serializers.IntegerField(read_only=True, allow_null=True)
    tag = serializers.CharField(read_only=True)
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=KINDS), read_only=True)
    in_row = serializers.IntegerField(read_only=True)
    only_changes = serializers.BooleanField(read_only=True)
    severity = serializers.ChoiceField(choices=SEVERITIES, read_only=True, allow_null=True)
    to_owner = serializers.BooleanField(read_only=True)
    to_everyone = serializers.BooleanField(read_only=True)
    users = serializers.ListField(child=serializers.CharField(), read_only=True)
    channels = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    group_minutes = serializers.IntegerField(read_only=True)
    daily_cap = serializers.IntegerField(read_only=True)
    zone = serializers.CharField(read_only=True)
    quiet_hours = QuietHoursField(read_only=True, allow_null=True)
    quiet_passes = serializers.ChoiceField(choices=SEVERITIES, read_only=True)
    created_at = InstantField(read_only=True, allow_null=True)
    updated_at = InstantField(read_only=True, allow_null=True)
    updated_by = serializers.CharField(read_only=True)


def shown(rule: Rule) -> dict[str, Any]:
    """Of a rule whose tenant, people and channels have been read with it."""
    names = sorted(user.get_username() for user in rule.users.all())
    found = RuleInput.of(rule)
    facts = {name: getattr(rule, name) for name in ("created_at", "updated_at", "updated_by", "is_default")}
    return _fields(found, rule.tenant, names) | facts | {"id": rule.pk}


def shown_built_in(tenant: Tenant) -> dict[str, Any]:
    found = built_in(tenant.pk)
    facts = {"id": None, "is_default": True, "created_at": None, "updated_at": None, "updated_by": ""}
    return _fields(found, tenant, []) | facts


def _fields(rule: RuleInput, tenant: Tenant, names: Iterable[str]) -> dict[str, Any]:
    quiet = rule.quiet_hours.to_json() if rule.quiet_hours else None
    others = {"tenant": tenant.slug, "users": list(names), "quiet_hours": quiet, "severity": rule.severity or None}
    return {name: getattr(rule, name) for name in FIELDS} | others
