"""Rules as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from accounts.models import Tenant
from notifications.api.rule_input import QuietHoursField
from notifications.models import Rule
from notifications.rulebook.reader import (
    FIELDS,
    KINDS,
    SEVERITIES,
    RuleInput,
)
from notifications.rulebook.shapes import built_in
from scheduler_project.api.serializers import InstantField


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
