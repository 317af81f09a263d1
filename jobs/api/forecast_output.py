"""Forecasts, ticks to come and collisions as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.forecast import Forecast, UpcomingTick
from jobs.rules.load import Herd
from scheduler_project.api.serializers import InstantField


class ReachSerializer(serializers.Serializer[Any]):
    since = InstantField(read_only=True)
    until = InstantField(read_only=True, help_text="Nothing before this instant was left out.")
    is_complete = serializers.BooleanField(read_only=True, help_text="Reaches as far as was asked.")


# `tenants` in the context has the slug of each tenant.
class UpcomingTickSerializer(serializers.Serializer[Any]):
    due_at = InstantField(read_only=True)
    job_id = serializers.IntegerField(source="job.pk", read_only=True)
    job_name = serializers.CharField(source="job.name", read_only=True)
    tenant = serializers.SerializerMethodField()
    queue = serializers.CharField(source="job.queue", read_only=True)
    fires = serializers.BooleanField(
        read_only=True, help_text="As far as is known now; a run that takes long may skip it."
    )
    reason = serializers.CharField(source="verdict.reason", default="", read_only=True)
    text = serializers.CharField(source="verdict.text", default="", read_only=True)
    by = serializers.CharField(source="verdict.by", default="", read_only=True)
    clears_at = InstantField(source="verdict.clears_at", default=None, read_only=True, allow_null=True)

    def get_tenant(self, tick: UpcomingTick) -> str:
        return str(self.context["tenants"][tick.job.tenant_id])


class UpcomingSerializer(ReachSerializer):
    results = UpcomingTickSerializer(source="ticks", many=True, read_only=True)


class HourSerializer(serializers.Serializer[Any]):
    hour = InstantField(read_only=True)
    queue = serializers.CharField(read_only=True)
    ticks = serializers.IntegerField(read_only=True)
    seconds = serializers.FloatField(read_only=True, help_text="Ticks times the mean duration of their jobs' runs.")
    unknown = serializers.IntegerField(read_only=True, help_text="Ticks whose duration nobody knows; they count 0 s.")


class JobNameSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(read_only=True)


class HerdSerializer(serializers.Serializer[Any]):
    """A minute in which several jobs start, and the quietest minute near it."""

    minute = InstantField(read_only=True)
    starts = serializers.IntegerField(read_only=True)
    jobs = serializers.SerializerMethodField(help_text="Some of them.")
    free_minute = InstantField(source="free", read_only=True)
    free_starts = serializers.IntegerField(read_only=True)

    @extend_schema_field(JobNameSerializer(many=True))
    def get_jobs(self, herd: Herd) -> list[dict[str, Any]]:
        return [{"id": job_id, "name": self.context["names"][job_id]} for job_id in herd.job_ids]


class PeakSerializer(serializers.Serializer[Any]):
    running = serializers.IntegerField(source="peak.running", read_only=True)
    at = InstantField(source="peak.at", read_only=True, allow_null=True)
    processes = serializers.IntegerField(read_only=True, help_text="Runs that the workers can have at once.")


class QueueErrorSerializer(serializers.Serializer[Any]):
    """Percentages of what really was; positive is too much expected. Counts only for those who see all tenants."""

    queue = serializers.CharField(read_only=True)
    ticks_percent = serializers.FloatField(read_only=True, allow_null=True)
    seconds_percent = serializers.FloatField(read_only=True, allow_null=True)
    expected_ticks = serializers.IntegerField(read_only=True, allow_null=True)
    ticks = serializers.IntegerField(read_only=True, allow_null=True)
    expected_seconds = serializers.FloatField(read_only=True, allow_null=True)
    seconds = serializers.FloatField(read_only=True, allow_null=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = dict(super().to_representation(instance))
        if not self.context["sees_all"]:
            shown |= dict.fromkeys(("expected_ticks", "ticks", "expected_seconds", "seconds"))
        return shown


class ForecastErrorSerializer(serializers.Serializer[Any]):
    """The newest hour that is over, as it was forecast, beside what happened in it."""

    hour = InstantField(read_only=True)
    total = QueueErrorSerializer(read_only=True)
    queues = QueueErrorSerializer(many=True, read_only=True)


class ForecastSerializer(ReachSerializer):
    ticks = serializers.SerializerMethodField(help_text="That will fire.")
    held_back = serializers.IntegerField(read_only=True, help_text="Ticks that will not fire, as far as is known now.")
    unknown = serializers.IntegerField(read_only=True, help_text="Ticks whose duration nobody knows.")
    hours = HourSerializer(many=True, read_only=True)
    herds = HerdSerializer(many=True, read_only=True)
    peak = serializers.SerializerMethodField()
    last_forecast = serializers.SerializerMethodField(
        help_text="Against what happened; null until an hour is over that a forecast was kept for."
    )

    def get_ticks(self, found: Forecast) -> int:
        return len(found.upcoming.ticks) - found.held_back

    @extend_schema_field(PeakSerializer)
    def get_peak(self, found: Forecast) -> Any:
        return PeakSerializer(found).data

    @extend_schema_field(ForecastErrorSerializer(allow_null=True))
    def get_last_forecast(self, found: Forecast) -> Any:
        error = self.context["error"]
        return None if error is None else ForecastErrorSerializer(error, context=self.context).data


class CollisionsSerializer(serializers.Serializer[Any]):
    """What starts in the same minute as the schedule's next run."""

    at = InstantField(read_only=True)
    jobs = serializers.IntegerField(read_only=True)
    free_cron = serializers.CharField(read_only=True, help_text="The same schedule at a quieter minute of that hour.")
    free_local = serializers.CharField(read_only=True)
    spread_seconds = serializers.IntegerField(read_only=True, help_text="Suggested where there is no single minute.")
    text = serializers.CharField(read_only=True)
