"""Backfills and their plans as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.backfill import OUTCOMES, Plan
from jobs.models import Backfill
from scheduler_project.api.serializers import InstantField, RowSerializer


class ProgressSerializer(serializers.Serializer[Any]):
    """How many runs are where; they add up to `total`."""

    total = serializers.IntegerField(read_only=True)
    left = serializers.IntegerField(read_only=True, help_text="Not queued yet; of a cancelled backfill, never.")
    queued = serializers.IntegerField(read_only=True)
    running = serializers.IntegerField(read_only=True)
    succeeded = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)
    cancelled = serializers.IntegerField(read_only=True)


# `progress` in the context has that of each backfill that is shown.
class BackfillSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    job_name = serializers.CharField(source="job.name", read_only=True)
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Backfill
        fields = (
            *("id", "tenant", "job_id", "job_name", "since", "until", "at_once", "dry_run", "note", "requested_by"),
            *("request_id", "status", "created_at", "finished_at", "progress"),
        )
        read_only_fields = fields

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, backfill: Backfill) -> Any:
        return ProgressSerializer(self.context["progress"][backfill.pk]).data


class PlannedRunSerializer(serializers.Serializer[Any]):
    due_at = InstantField(read_only=True)
    outcome = serializers.ChoiceField(
        choices=OUTCOMES, read_only=True, help_text="Of its tick; `unrecorded` when the ledger has none."
    )
    reason = serializers.CharField(read_only=True)
    execution_id = serializers.IntegerField(read_only=True, allow_null=True, help_text="What its tick fired.")
    backfilled_by = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The newest backfill that has run it before."
    )


class PlanSerializer(serializers.Serializer[Any]):
    """What would run. Nothing was started."""

    since = InstantField(read_only=True)
    until = InstantField(read_only=True, help_text="Earlier than asked for when later ticks are still to be decided.")
    revision = serializers.IntegerField(read_only=True, help_text="Of the job, whose schedule the runs follow.")
    total = serializers.SerializerMethodField()
    runs = PlannedRunSerializer(many=True, read_only=True)

    def get_total(self, plan: Plan) -> int:
        return len(plan.runs)
