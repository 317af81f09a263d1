"""The ledger: one row for every due occurrence of every job."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Tenant
from jobs.models.choices import choices
from jobs.models.job import Job
from jobs.rules.states import TickOutcome


class Tick(models.Model):
    """What became of one due occurrence. The real key is (job, due_at); the table is partitioned by `due_at`."""

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.DO_NOTHING, db_constraint=False, related_name="ticks")
    due_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=choices(TickOutcome))
    reason = models.CharField(max_length=60, blank=True, default="")
    blocking_id = models.BigIntegerField(null=True, help_text="The execution that stood in the way, if one did")
    execution_id = models.BigIntegerField(null=True, help_text="The execution that this tick fired")
    revision = models.PositiveIntegerField()
    epoch = models.BigIntegerField(help_text="The leader's epoch; 0 when a change of the job decided it")
    decided_at = models.DateTimeField()

    class Meta:
        db_table = "ticks"
        managed = True
        ordering = ["-due_at", "-id"]

    def __str__(self) -> str:
        return f"{self.job_id} at {self.due_at:%Y-%m-%d %H:%M:%S}: {self.outcome}"


class TickTotal(models.Model):
    """How many ticks had an outcome since the installation, and how late they were decided. Kept in the transactions
    that write the ticks; changes of jobs have rows of their own, so that they never wait for the scheduler."""

    by_change = models.BooleanField(help_text="Decided by a change of the job, not by the scheduler's turn")
    outcome = models.CharField(max_length=10)
    reason = models.CharField(max_length=60, blank=True, default="")
    count = models.BigIntegerField(default=0)
    lag_seconds = models.FloatField(default=0)
    buckets = ArrayField(models.BigIntegerField(), default=list, help_text="Ticks per lag bucket, not cumulative")

    class Meta:
        db_table = "tick_totals"
        constraints = [
            models.UniqueConstraint(fields=["by_change", "outcome", "reason"], name="one_total_per_outcome_and_reason")
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.reason}: {self.count}"


class LedgerViolation(models.Model):
    """A break of the promise that the reconciler or `verify_ledger` has found. Never deleted: an accusation."""

    job = models.ForeignKey(Job, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    due_at = models.DateTimeField()
    kind = models.CharField(max_length=30)
    found_at = models.DateTimeField()
    detail = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        db_table = "ledger_violations"
        ordering = ["-found_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["job", "due_at", "kind"], name="one_violation_per_tick_and_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of job {self.job_id} at {self.due_at:%Y-%m-%d %H:%M:%S}"
