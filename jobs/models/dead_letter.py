"""Dead letters: executions that ended without success and wait for a person, and what people made of them."""

from __future__ import annotations

from django.db import models

from accounts.models import Tenant
from jobs.models.choices import choices, is_known
from jobs.models.job import Job
from jobs.rules.states import ExecutionStatus, LetterState, ReplayOutcome, ReplayStatus
from templates_registry.models import TemplateVersion

AT_HAND = [LetterState.OPEN.value, LetterState.REPLAYING.value]


class DeadLetter(models.Model):
    """One execution that ended failed, timed_out, lost or dead. Written by the statement that ended it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    template = models.ForeignKey(TemplateVersion, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    execution_id = models.BigIntegerField(unique=True)
    fingerprint = models.CharField(max_length=32)
    status = models.CharField(max_length=10, choices=choices(ExecutionStatus))
    reason = models.CharField(max_length=60)
    error_class = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=1000, blank=True, help_text="Its beginning; the execution has all of it")
    place = models.CharField(max_length=200, blank=True, help_text="Where in the template's code it was raised")
    attempts = models.PositiveIntegerField()
    died_at = models.DateTimeField()
    state = models.CharField(
        max_length=12, choices=choices(LetterState), default=LetterState.OPEN.value, db_default=LetterState.OPEN.value
    )
    closed_at = models.DateTimeField(null=True, help_text="When it was resolved, superseded or discarded")
    closed_by = models.CharField(max_length=200, blank=True, default="", db_default="")
    note = models.CharField(max_length=500, blank=True, default="", db_default="", help_text="Why it was discarded")

    class Meta:
        db_table = "dead_letters"
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["tenant", "template", "job", "fingerprint"],
                condition=models.Q(state="open"),
                name="dead_letters_open",
            ),
            models.Index(fields=["tenant", "-id"], name="dead_letters_by_tenant"),
            models.Index(fields=["fingerprint"], name="dead_letters_by_fingerprint"),
        ]
        constraints = [
            is_known("state", LetterState, "dead_letter_state_is_known"),
            models.CheckConstraint(
                condition=models.Q(state__in=AT_HAND, closed_at=None)
                | models.Q(~models.Q(state__in=AT_HAND), closed_at__isnull=False),
                name="dead_letter_is_closed_at_some_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Dead letter {self.pk}"


class DeadLetterReplay(models.Model):
    """One request to replay a group of letters in stages, each only when the one before has succeeded."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.PROTECT, related_name="+")
    template = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="+")
    fingerprint = models.CharField(max_length=32)
    error_class = models.CharField(max_length=200, blank=True, default="")
    requested_by = models.CharField(max_length=200)
    request_id = models.CharField(max_length=64, blank=True, default="")
    status = models.CharField(max_length=10, choices=choices(ReplayStatus), default=ReplayStatus.RUNNING.value)
    stage = models.PositiveSmallIntegerField(default=1)
    stopped_by_id = models.BigIntegerField(null=True, help_text="The execution that failed again")
    note = models.CharField(max_length=500, blank=True, default="", help_text="Why it stopped")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "dead_letter_replays"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(status="running"), name="dead_letter_replays_running"),
            models.Index(fields=["tenant", "-id"], name="dead_letter_replays_by_tenant"),
        ]
        constraints = [is_known("status", ReplayStatus, "dead_letter_replay_status_is_known")]

    def __str__(self) -> str:
        return f"Replay {self.pk}"


class DeadLetterRun(models.Model):
    """One replay of one letter, alone or as part of a staged one; `execution_id` is set once it has been queued."""

    letter = models.ForeignKey(DeadLetter, on_delete=models.PROTECT, related_name="runs")
    replay = models.ForeignKey(DeadLetterReplay, null=True, on_delete=models.PROTECT, related_name="runs")
    stage = models.PositiveSmallIntegerField(default=1)
    execution_id = models.BigIntegerField(null=True, unique=True)
    outcome = models.CharField(max_length=10, choices=choices(ReplayOutcome), blank=True, default="")

    class Meta:
        db_table = "dead_letter_runs"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["letter"], condition=models.Q(outcome=""), name="one_replay_of_a_dead_letter_at_a_time"
            ),
            models.UniqueConstraint(fields=["replay", "letter"], name="one_run_per_replay_and_dead_letter"),
        ]

    def __str__(self) -> str:
        return f"Replay of dead letter {self.letter_id}"
