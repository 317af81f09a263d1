"""What the scheduling itself went through: check cycles, leaders, failures; and how often since the installation."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant
from jobs.models.job import Job


class SchedulerEvent(models.Model):
    """One happening, or `count` of the same kind. Partitioned by week of `at`; rows are only ever added."""

    at = models.DateTimeField(db_default=Now())
    type = models.CharField(max_length=40)
    level = models.CharField(max_length=8)
    count = models.BigIntegerField(default=1)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    execution_id = models.BigIntegerField(null=True)
    source = models.CharField(max_length=200, blank=True, default="", help_text="Which process, circuit or loop")
    message = models.CharField(max_length=500, blank=True, default="")
    data = models.JSONField(default=dict)

    class Meta:
        db_table = "scheduler_events"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.type} at {self.at:%Y-%m-%d %H:%M:%S}"


class SchedulerCounter(models.Model):
    """How much of a type there was since the installation: always the sum of its events and of those dropped by age.
    Kept in the transactions that add the events."""

    type = models.CharField(max_length=40)
    tenant_id = models.BigIntegerField(default=0, db_default=0, help_text="0: of no tenant")
    count = models.BigIntegerField(default=0)
    dropped = models.BigIntegerField(default=0, db_default=0, help_text="How much of it is in no row any more")

    class Meta:
        db_table = "scheduler_counters"
        constraints = [models.UniqueConstraint(fields=["type", "tenant_id"], name="one_counter_per_type_and_tenant")]

    def __str__(self) -> str:
        return f"{self.type}: {self.count}"


class RunHour(models.Model):
    """How many runs of a tenant ended in an hour and how, and how long they took. Written by the projection."""

    tenant_id = models.BigIntegerField()
    hour = models.DateTimeField()
    status = models.CharField(max_length=10)
    count = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    buckets = ArrayField(models.BigIntegerField(), default=list, help_text="Runs per duration bucket, not cumulative")

    class Meta:
        db_table = "run_hours"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "hour", "status"], name="one_sum_per_tenant_hour_and_status")
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00 {self.status}: {self.count}"


class RuntimeFlag(models.Model):
    """A switch of the whole system that somebody has set; a name without a row is at its default."""

    name = models.CharField(max_length=60, primary_key=True)
    value = models.BooleanField()
    note = models.CharField(max_length=500, blank=True, default="")
    set_by = models.CharField(max_length=200)
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "runtime_flags"

    def __str__(self) -> str:
        return f"{self.name} {'on' if self.value else 'off'}"
