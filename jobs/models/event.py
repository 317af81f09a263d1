"""Events: every change of an execution's status, which is also the outbox; how far readers came, and sums over them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant
from jobs.models.execution import Execution
from jobs.models.job import Job


class ExecutionEvent(models.Model):
    """Written inside the transaction that changes the status. Readers keep a cursor of (xid, id)."""

    execution = models.ForeignKey(Execution, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events")
    sequence = models.PositiveIntegerField()
    xid = models.BigIntegerField(help_text="The transaction that wrote it; default pg_current_xact_id()")
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    data = models.JSONField(default=dict)

    class Meta:
        db_table = "execution_events"
        ordering = ["execution", "sequence"]

    def __str__(self) -> str:
        return f"{self.execution_id} {self.kind}"


class EventCursor(models.Model):
    """How far one reader of the events came."""

    name = models.CharField(max_length=60, primary_key=True)
    xid = models.BigIntegerField(default=0)
    event_id = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "event_cursors"

    def __str__(self) -> str:
        return self.name


class ExecutionTotal(models.Model):
    """How many events of a kind a template has had since the installation, and how long its runs took."""

    template = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    count = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    buckets = ArrayField(models.BigIntegerField(), default=list, help_text="Runs per duration bucket, not cumulative")

    class Meta:
        db_table = "execution_totals"
        constraints = [models.UniqueConstraint(fields=["template", "kind"], name="one_total_per_template_and_kind")]

    def __str__(self) -> str:
        return f"{self.template} {self.kind}: {self.count}"
