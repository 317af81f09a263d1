"""What bulk endpoints take and answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from jobs import bulk
from jobs.bulk import MOST, Status
from jobs.rules.states import PRIORITIES
from scheduler_project.api.serializers import (
    ErrorDetailSerializer,
    InstantField,
    ObjectField,
    StrictSerializer,
    TextField,
    TrueOrFalseField,
    WholeNumberField,
)


class WhichSerializer(StrictSerializer):
    """Either `ids` or `filter` says which rows are meant."""

    ids = serializers.ListField(
        child=WholeNumberField(min_value=1, max_value=2**63 - 1), min_length=1, max_length=MOST, required=False
    )
    filter = ObjectField(required=False, help_text="The query parameters of the list, by name; at least one.")
    expect_count = WholeNumberField(
        required=False, min_value=0, help_text="Do nothing unless so many rows are meant exactly."
    )
    dry_run = TrueOrFalseField(default=False, help_text="Say of each what would come of it, and change nothing.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError("Write either `ids` or `filter`.")
        if len(set(attrs.get("ids", ()))) < len(attrs.get("ids", ())):
            raise serializers.ValidationError({"ids": "Write each id once."})
        if attrs.get("filter") == {}:
            raise serializers.ValidationError({"filter": "Narrow it down by at least one parameter, such as `tag`."})
        return attrs


class JobBulkSerializer(WhichSerializer):
    action = serializers.ChoiceField(choices=list(bulk.JOB_ACTIONS))
    note = TextField(required=False, default="", allow_blank=True, max_length=500, help_text="Why, for the revisions.")
    until = InstantField(required=False, allow_null=True, help_text="Of `pause`.")
    tags = serializers.ListField(
        child=TextField(max_length=50), min_length=1, max_length=20, required=False, help_text="Of `…_tags`."
    )
    changes = ObjectField(
        required=False,
        help_text="Of `change`: fields of a job, as a change of one takes them, such as `queue`.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _fitting(
            super().validate(attrs), {"add_tags": "tags", "remove_tags": "tags", "change": "changes"}, ("until",)
        )


class ExecutionBulkSerializer(WhichSerializer):
    action = serializers.ChoiceField(choices=list(bulk.EXECUTION_ACTIONS))
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False, help_text="Of `priority`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _fitting(super().validate(attrs), {"priority": "priority"})


def _fitting(attrs: dict[str, Any], needs: Mapping[str, str], of_pause: Sequence[str] = ()) -> dict[str, Any]:
    action = attrs["action"]
    needed = needs.get(action)
    if needed and not attrs.get(needed):
        raise serializers.ValidationError({needed: f"The action {action} needs it."})
    foreign = [name for name in {*needs.values()} if name in attrs and name != needed]
    foreign += [name for name in of_pause if attrs.get(name) is not None and action != "pause"]
    if foreign:
        raise serializers.ValidationError(dict.fromkeys(foreign, f"The action {action} takes none."))
    return attrs


class ResultSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    status = serializers.ChoiceField(choices=[status.value for status in Status], read_only=True)
    execution_id = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The run that `run` or `again` queued."
    )
    error = ErrorDetailSerializer(read_only=True, allow_null=True, help_text="Why it was refused, as of one row.")


class BulkSerializer(serializers.Serializer[Any]):
    action = serializers.CharField(read_only=True)
    dry_run = serializers.BooleanField(read_only=True)
    count = serializers.IntegerField(read_only=True)
    done = serializers.IntegerField(read_only=True)
    unchanged = serializers.IntegerField(read_only=True)
    refused = serializers.IntegerField(read_only=True)
    results = ResultSerializer(many=True, read_only=True, help_text="In the order of `ids`, or of the list.")
