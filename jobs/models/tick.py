"""The ledger: one row for every due occurrence of every job."""

from __future__ import annotations

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
