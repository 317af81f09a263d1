"""Which job follows which, and what came of it each time that an upstream ended."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Tenant
from jobs.models.choices import choices, is_known
from jobs.models.job import Job
from jobs.rules.dependency import LONGEST_PATIENCE
from jobs.rules.states import DependencyKind, EndCondition, SuccessionOutcome


class Dependency(models.Model):
    """An edge from one job to another of the same tenant. One that is removed stays, for what it has started."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    upstream = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="edges_to_downstreams")
    downstream = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="edges_to_upstreams")
    kind = models.CharField(max_length=10, choices=choices(DependencyKind))
    condition = models.CharField(max_length=10, choices=choices(EndCondition), default=EndCondition.SUCCESS.value)
    parameters = models.JSONField(
        default=dict, blank=True, help_text="Parameter of the downstream -> JSON pointer into the upstream's result"
    )
    gate_patience_seconds = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(help_text="It answers for what ends from here on")
    created_by = models.CharField(max_length=200)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        db_table = "job_dependencies"
        ordering = ["id"]
        verbose_name_plural = "dependencies"
        constraints = [
            models.UniqueConstraint(
                fields=["upstream", "downstream"], condition=Q(removed_at=None), name="one_dependency_per_pair"
            ),
            models.CheckConstraint(condition=~Q(upstream=F("downstream")), name="no_job_follows_itself"),
            models.CheckConstraint(
                condition=Q(kind=DependencyKind.TRIGGER.value, gate_patience_seconds=None)
                | Q(
                    kind=DependencyKind.GATE.value,
                    gate_patience_seconds__gte=1,
                    gate_patience_seconds__lte=LONGEST_PATIENCE,
                ),
                name="gates_have_a_patience",
            ),
            is_known("kind", DependencyKind, "dependency_kind_is_known"),
            is_known("condition", EndCondition, "dependency_condition_is_known"),
        ]
        indexes = [
            models.Index(fields=["downstream", "kind"], condition=Q(removed_at=None), name="dependencies_downstream"),
        ]

    def __str__(self) -> str:
        return f"{self.upstream_id} -> {self.downstream_id} ({self.kind} on {self.condition})"


class Succession(models.Model):
    """What came of one end of an upstream for one dependency: exactly one row, however often somebody looks."""

    dependency = models.ForeignKey(Dependency, on_delete=models.PROTECT, related_name="successions")
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    upstream_execution_id = models.BigIntegerField(
        null=True, help_text="None where a gate shut since there was no execution to wait for"
    )
    successor_id = models.BigIntegerField(null=True, help_text="The execution that was started, or that a gate held")
    flow_id = models.BigIntegerField(null=True)
    outcome = models.CharField(max_length=12, choices=choices(SuccessionOutcome))
    reason = models.CharField(max_length=60, blank=True, default="")
    message = models.CharField(max_length=500, blank=True, default="")
    decided_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "job_successions"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dependency", "upstream_execution_id"], name="one_succession_per_dependency_and_execution"
            ),
            models.UniqueConstraint(fields=["dependency", "successor_id"], name="one_succession_per_successor"),
            models.CheckConstraint(
                condition=Q(outcome=SuccessionOutcome.NOT_STARTED.value) | Q(reason=""),
                name="only_what_did_not_start_has_a_reason",
            ),
            is_known("outcome", SuccessionOutcome, "succession_outcome_is_known"),
        ]
        indexes = [
            models.Index(fields=["upstream_execution_id"], name="successions_of_an_execution"),
            models.Index(fields=["successor_id"], name="successions_to_an_execution"),
            models.Index(fields=["flow_id"], name="successions_by_flow"),
            models.Index(
                fields=["id"], condition=Q(outcome=SuccessionOutcome.WAITING.value), name="successions_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.upstream_execution_id} -> {self.successor_id} ({self.outcome})"
