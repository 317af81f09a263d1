"""What runs leave for their next attempt, and what became of circuits."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class RunEffect(models.Model):
    """Something that a run does at most once, recorded before it is done. `result` is what the run has kept."""

    execution_id = models.BigIntegerField()
    key = models.CharField(max_length=200)
    fence = models.BigIntegerField()
    attempt = models.PositiveIntegerField()
    recorded_at = models.DateTimeField(db_default=Now())
    kept_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True)

    class Meta:
        db_table = "run_effects"
        constraints = [models.UniqueConstraint(fields=["execution_id", "key"], name="one_effect_per_run_and_key")]

    def __str__(self) -> str:
        return f"{self.execution_id} {self.key}"


class RunCheckpoint(models.Model):
    """How far a run says it came. Only the attempt with the newest fence writes it."""

    execution_id = models.BigIntegerField(primary_key=True)
    fence = models.BigIntegerField()
    attempt = models.PositiveIntegerField()
    data = models.JSONField()
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "run_checkpoints"

    def __str__(self) -> str:
        return f"{self.execution_id} attempt {self.attempt}"


class CircuitEvent(models.Model):
    """A change of a circuit's state, told by the process that made it."""

    circuit = models.CharField(max_length=300)
    before = models.CharField(max_length=10)
    after = models.CharField(max_length=10)
    at = models.DateTimeField(db_default=Now())
    why = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        db_table = "circuit_events"
        verbose_name = "change of a circuit"
        verbose_name_plural = "circuits"
        ordering = ["-id"]
        indexes = [models.Index(fields=["circuit", "-id"], name="circuit_events_newest")]

    def __str__(self) -> str:
        return f"{self.circuit} is {self.after}"
