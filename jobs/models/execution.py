"""Executions, their attempts and their log lines. Partitioned by range of the execution's id."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant
from jobs.models.choices import choices
from jobs.models.job import Job
from jobs.models.pool import Pool
from jobs.rules.policy import JobPolicy
from jobs.rules.states import PRIORITIES, AttemptOutcome, ExecutionStatus, HeldFor, Trigger
from templates_registry.models import TemplateVersion


class Execution(models.Model):
    """One run. `jobs.executions` is the only writer of its status."""

    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="executions")
    template = models.ForeignKey(TemplateVersion, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    trigger = models.CharField(max_length=10, choices=choices(Trigger))
    scheduled_for = models.DateTimeField(null=True, help_text="The due instant of its tick")
    revision = models.PositiveIntegerField(null=True)
    parameters = models.JSONField(default=dict)
    policy = models.JSONField(default=dict)
    dry_run = models.BooleanField(default=False)
    run_key = models.UUIDField(help_text="The same for every attempt: what a template passes on as idempotency key")
    requested_by = models.CharField(max_length=200, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")

    user_id = models.CharField(  # noqa: DJ001  no id is not the same as an empty one
        max_length=100, null=True, help_text="Whom it is for, in a client's own numbering; see jobs.rules.user_ids"
    )

    queue = models.CharField(max_length=100)
    priority = models.PositiveSmallIntegerField(
        choices=[(number, name.capitalize()) for name, number in PRIORITIES.items()]
    )
    max_instances = models.PositiveIntegerField(null=True, help_text="Slots of the job; none means no limit")
    pool = models.ForeignKey(Pool, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    status = models.CharField(max_length=10, choices=choices(ExecutionStatus))
    held_for = models.CharField(
        max_length=10, choices=choices(HeldFor), blank=True, default="", help_text="What else it waits for while queued"
    )
    reason = models.CharField(max_length=60, blank=True, default="")

    attempt = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField()
    handed_back_count = models.PositiveIntegerField(default=0)
    lost_count = models.PositiveIntegerField(default=0)
    fence = models.BigIntegerField(default=0)
    event_sequence = models.PositiveIntegerField(default=0)

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    available_at = models.DateTimeField()
    start_deadline_at = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True)
    publish_count = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.CharField(max_length=200, blank=True, default="")
    cancel_seen_at = models.DateTimeField(null=True, help_text="When the process of the run learned of it")
    approved_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=200, blank=True, default="")

    parent_id = models.BigIntegerField(null=True, help_text="The execution that this one follows or repeats")
    flow_id = models.BigIntegerField(null=True, help_text="The first execution of the chain that this one belongs to")

    result = models.JSONField(null=True)
    error = models.TextField(blank=True, default="")
    error_class = models.CharField(max_length=200, blank=True, default="")
    fingerprint = models.CharField(max_length=32, blank=True, default="", help_text="The same for errors of one cause")

    class Meta:
        db_table = "job_executions"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Execution {self.pk}"

    @property
    def policies(self) -> JobPolicy:
        return JobPolicy.from_json(self.policy)


class Attempt(models.Model):
    """One try of an execution: inserted at claim, closed once."""

    execution = models.ForeignKey(Execution, on_delete=models.DO_NOTHING, db_constraint=False, related_name="attempts")
    number = models.PositiveIntegerField(db_column="attempt")
    fence = models.BigIntegerField()
    worker = models.CharField(max_length=200)
    pid = models.IntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, choices=choices(AttemptOutcome), blank=True, default="")
    error = models.TextField(blank=True, default="")
    error_class = models.CharField(max_length=200, blank=True, default="")
    traceback = models.TextField(blank=True, default="")
    retry_at = models.DateTimeField(null=True)
    is_stale = models.BooleanField(default=False, help_text="Ended after another owner had taken over")
    stale_result = models.JSONField(null=True)

    class Meta:
        db_table = "task_executions"
        ordering = ["execution", "number"]

    def __str__(self) -> str:
        return f"Attempt {self.number} of execution {self.execution_id}"


class LogLine(models.Model):
    """One line that a run logged."""

    execution = models.ForeignKey(Execution, on_delete=models.DO_NOTHING, db_constraint=False, related_name="log_lines")
    sequence = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField()
    logged_at = models.DateTimeField()
    level = models.CharField(max_length=8)
    message = models.TextField()

    class Meta:
        db_table = "execution_log_lines"
        ordering = ["execution", "sequence"]

    def __str__(self) -> str:
        return self.message
