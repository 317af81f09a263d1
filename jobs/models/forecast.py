"""Forecasts that were kept, so that the next one can say how wrong the last one was."""

from __future__ import annotations

from django.db import models


class ForecastHour(models.Model):
    """What was expected of one queue in one hour, as it was seen an hour before."""

    queue = models.CharField(max_length=100)
    hour = models.DateTimeField()
    ticks = models.PositiveIntegerField()
    seconds = models.FloatField(help_text="Expected work: ticks times recorded durations")
    made_at = models.DateTimeField()

    class Meta:
        db_table = "forecast_hours"
        ordering = ["-hour", "queue"]
        constraints = [models.UniqueConstraint(fields=["queue", "hour"], name="one_forecast_per_queue_and_hour")]

    def __str__(self) -> str:
        return f"{self.queue} at {self.hour:%Y-%m-%d %H:00}"
