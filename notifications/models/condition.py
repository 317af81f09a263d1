"""How each job does, as far as the fan-out has read: what makes a failure the first one, and a success a recovery."""

from __future__ import annotations

from django.db import models

from jobs.models import Job


class JobCondition(models.Model):
    """Written by the fan-out in the transaction with its cursor. A job without a row has not failed."""

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="+")
    failures_in_row = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    last_execution_id = models.BigIntegerField(null=True)
    last_at = models.DateTimeField()

    class Meta:
        db_table = "notification_conditions"

    def __str__(self) -> str:
        return f"Job {self.job_id}: {self.failures_in_row} failures in a row"
