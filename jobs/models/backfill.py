"""Backfills: past windows of a job that run again, and the runs they come to."""

from __future__ import annotations

from django.db import models

from accounts.models import Tenant
from jobs.models.choices import choices
from jobs.models.job import Job
from jobs.rules.states import BackfillStatus


class Backfill(models.Model):
    """One request to run a past window again, at its own pace. The ticks of that window stay as they were."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="backfills")
    since = models.DateTimeField(help_text="First instant of the window")
    until = models.DateTimeField(help_text="Last instant of the window")
    at_once = models.PositiveIntegerField(default=1, help_text="How many of its runs may be queued or running")
    dry_run = models.BooleanField(default=False)
    requested_by = models.CharField(max_length=200)
    request_id = models.CharField(max_length=64, blank=True, default="")
    note = models.CharField(max_length=500, blank=True, default="")
    status = models.CharField(max_length=10, choices=choices(BackfillStatus), default=BackfillStatus.RUNNING.value)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "backfills"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(status="running"), name="backfills_running"),
        ]

    def __str__(self) -> str:
        return f"Backfill {self.pk}"


class BackfillRun(models.Model):
    """One instant of a backfill; `execution_id` is set once it has been queued."""

    backfill = models.ForeignKey(Backfill, on_delete=models.CASCADE, related_name="runs")
    due_at = models.DateTimeField()
    execution_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "backfill_runs"
        ordering = ["backfill", "due_at"]
        constraints = [models.UniqueConstraint(fields=["backfill", "due_at"], name="one_run_per_backfill_and_instant")]
        indexes = [
            models.Index(fields=["execution_id"], name="backfill_runs_by_execution"),
        ]

    def __str__(self) -> str:
        return f"{self.backfill_id} at {self.due_at:%Y-%m-%d %H:%M:%S}"
