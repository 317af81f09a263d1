"""Leases: who leads the scheduling, and which worker owns a running execution."""

from __future__ import annotations

import uuid

from django.db import models


class SchedulerLease(models.Model):
    """The lead. Taken over with `epoch + 1` once `expires_at` has passed; only the database's clock counts."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=200, blank=True, default="")
    epoch = models.BigIntegerField(default=0)
    acquired_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    ticked_at = models.DateTimeField(null=True, help_text="When the holder's loop last decided what was due")

    class Meta:
        db_table = "scheduler_leases"

    def __str__(self) -> str:
        return f"{self.holder} (epoch {self.epoch})"


class SchedulerCandidate(models.Model):
    """A scheduler process that leads or stands by. Its own loop writes the row, so a loop that hangs grows old here."""

    holder = models.CharField(max_length=200, primary_key=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    trouble = models.CharField(max_length=500, blank=True, default="", help_text="Why its last turn failed")

    class Meta:
        db_table = "scheduler_candidates"

    def __str__(self) -> str:
        return self.holder


class LeaseHistory(models.Model):
    """Who led when."""

    name = models.CharField(max_length=40)
    epoch = models.BigIntegerField()
    holder = models.CharField(max_length=200)
    acquired_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        db_table = "scheduler_lease_history"
        constraints = [models.UniqueConstraint(fields=["name", "epoch"], name="one_leader_per_epoch")]
        ordering = ["-epoch"]

    def __str__(self) -> str:
        return f"{self.holder} led epoch {self.epoch}"


class ExecutionLease(models.Model):
    """One narrow row per running execution. Its unique slots hold overlap limits, so that nothing has to be counted."""

    execution_id = models.BigIntegerField(primary_key=True)
    tenant_id = models.BigIntegerField(null=True)
    job_id = models.BigIntegerField(null=True)
    worker = models.CharField(max_length=200)
    pid = models.IntegerField()
    fence = models.BigIntegerField()
    heartbeat = models.BigIntegerField(default=0)
    acquired_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    job_slot = models.PositiveIntegerField(null=True)
    pool_id = models.BigIntegerField(null=True)
    pool_slot = models.PositiveIntegerField(null=True)
    claim = models.UUIDField(default=uuid.uuid4)
    progress = models.JSONField(null=True)
    slow_at = models.DateTimeField(null=True, help_text="When it was told that the run takes longer than usual")

    class Meta:
        db_table = "execution_leases"
        constraints = [
            models.UniqueConstraint(fields=["job_id", "job_slot"], name="one_lease_per_job_slot"),
            models.UniqueConstraint(fields=["pool_id", "pool_slot"], name="one_lease_per_pool_slot"),
        ]

    def __str__(self) -> str:
        return f"{self.execution_id} by {self.worker}"
