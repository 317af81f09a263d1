"""How entries of the audit trail and calls on record are shown, and what narrows them down."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.audit import Outcome
from accounts.audit.exporting import FORMATS
from accounts.models import ApiRequest, AuditEntry
from scheduler_project.api.serializers import InstantField, RowSerializer, StrictSerializer

MOST_SAMPLED = 200
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
LARGEST_ID = 2**63 - 1


class EntrySerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True, allow_null=True)
    changes = serializers.JSONField(
        read_only=True, help_text="`{field: [before, after]}` of what differs. Secrets are masked."
    )

    class Meta:
        model = AuditEntry
        fields: tuple[str, ...] = (
            *("id", "at", "tenant", "actor", "action", "target", "target_id", "target_name", "changes", "note"),
            *("outcome", "via", "address", "request_id", "method", "path"),
        )
        read_only_fields = fields


class SampleSerializer(serializers.Serializer[Any]):
    results = EntrySerializer(many=True)


class StateSerializer(serializers.Serializer[Any]):
    head = serializers.CharField(help_text="The hash of the newest seal. Keep it elsewhere.")
    seals = serializers.IntegerField()
    sealed_at = serializers.DateTimeField(allow_null=True)
    waiting = serializers.IntegerField(help_text="Entries that are not sealed yet, 10,000 at most.")


class RequestSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True, allow_null=True)

    class Meta:
        model = ApiRequest
        fields: tuple[str, ...] = (
            *("id", "at", "method", "route", "path", "status", "milliseconds", "bytes", "tenant", "principal"),
            *("address", "request_id"),
        )
        read_only_fields = fields


class WindowParameters(StrictSerializer):
    since = InstantField(required=False, help_text="From this instant on.")
    until = InstantField(required=False, help_text="Before this instant.")
    tenant = serializers.CharField(required=False, max_length=63, help_text="Slug of one of the caller's tenants.")
    request_id = serializers.CharField(required=False, max_length=64)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "since" in attrs and "until" in attrs and attrs["until"] <= attrs["since"]:
            raise serializers.ValidationError({"until": "Lies before `since`; write a later instant."})
        return attrs


class NarrowingParameters(WindowParameters):
    actor = serializers.CharField(required=False, max_length=200, help_text="Such as `user:ana` or `key:1a2b3c4d`.")
    action = serializers.CharField(
        required=False, max_length=60, help_text="Such as `job.changed`, or `job.` for all that begins so."
    )
    target = serializers.CharField(required=False, max_length=60, help_text="The kind of row, such as `job`.")
    target_id = serializers.CharField(required=False, max_length=200)
    outcome = serializers.ChoiceField(choices=[outcome.value for outcome in Outcome], required=False)
    q = serializers.CharField(required=False, max_length=200, help_text="Part of the actor, the name or the note.")


class EntryParameters(NarrowingParameters):
    before = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST_ID, help_text="Entries before this id."
    )


class SampleParameters(NarrowingParameters):
    size = serializers.IntegerField(
        default=20, min_value=1, max_value=MOST_SAMPLED, help_text="How many; 20 unless told."
    )


class ExportParameters(NarrowingParameters):
    format = serializers.ChoiceField(choices=list(FORMATS), default="csv")


class RequestParameters(WindowParameters):
    method = serializers.ChoiceField(choices=list(METHODS), required=False)
    route = serializers.CharField(required=False, max_length=100, help_text="Such as `job-detail`.")
    principal = serializers.CharField(required=False, max_length=200, help_text="Such as `key:1a2b3c4d`.")
    status = serializers.IntegerField(required=False, min_value=100, max_value=599)
    least_milliseconds = serializers.IntegerField(
        required=False, min_value=0, max_value=10**9, help_text="That took as long."
    )
    before = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST_ID, help_text="Calls before this id."
    )
