"""The rows that stand for the templates in the code, and the list of Celery tasks that operators may choose."""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Tenant
from templates_registry.reserved_tasks import RESERVED_PREFIXES, is_reserved
from templates_registry.schema import check_schema, secret_paths


class TemplateVersion(models.Model):
    """One version of one template as the code last described it. Written by `sync` only, and never deleted."""

    class OnLost(models.TextChoices):
        RETRY = "retry", "Try again"
        FAIL = "fail", "Fail"

    name = models.CharField(max_length=63)
    version = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200)
    category = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    schema = models.JSONField(help_text="JSON Schema of the parameters.")
    is_destructive = models.BooleanField(default=False)
    supports_dry_run = models.BooleanField(default=False)
    is_idempotent = models.BooleanField(default=False)
    requires_approval = models.BooleanField(default=False, db_default=False)
    min_interval = models.DurationField(default=timedelta(seconds=60))
    timeout = models.DurationField(default=timedelta(hours=1))
    soft_timeout = models.DurationField(null=True, blank=True)
    max_retries = models.PositiveSmallIntegerField(default=3)
    on_lost = models.CharField(max_length=5, choices=OnLost.choices, default=OnLost.RETRY)
    source_hash = models.CharField(max_length=64, help_text="SHA-256 of the source of the class.")
    is_available = models.BooleanField(default=True, help_text="The code still has this version.")
    synced_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "job_templates"
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="job_templates_name_version"),
            models.CheckConstraint(condition=Q(version__gte=1), name="job_templates_version_positive"),
            models.CheckConstraint(condition=Q(timeout__gt=timedelta(0)), name="job_templates_timeout_positive"),
            models.CheckConstraint(condition=Q(min_interval__gte=timedelta(0)), name="job_templates_min_interval"),
            models.CheckConstraint(
                condition=Q(soft_timeout__isnull=True)
                | Q(soft_timeout__gt=timedelta(0), soft_timeout__lt=F("timeout")),
                name="job_templates_soft_timeout_below_timeout",
            ),
            models.CheckConstraint(condition=Q(on_lost__in=["retry", "fail"]), name="job_templates_on_lost"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


def takes_no_arguments() -> dict[str, object]:
    return {"type": "object", "additionalProperties": False}


class TaskFunction(models.Model):
    """A Celery task that operators may choose for a job of the template `celery_task`. What is not listed is denied."""

    name = models.CharField(max_length=200, unique=True, help_text="The name of the task, e.g. reports.tasks.build.")
    description = models.TextField(blank=True, default="")
    argument_schema = models.JSONField(
        default=takes_no_arguments, help_text="JSON Schema of the keyword arguments. The default allows none."
    )
    queue = models.CharField(
        max_length=200, blank=True, default="", help_text="Where to send it. Empty: where Celery's routes say."
    )
    for_all_tenants = models.BooleanField(default=False)
    tenants = models.ManyToManyField(
        Tenant, blank=True, related_name="task_functions", help_text="Who may choose it, unless all tenants may."
    )
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "task_functions"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(name="")
                & Q(*[~Q(name__startswith=prefix) for prefix in RESERVED_PREFIXES], _connector=Q.AND),
                name="task_function_is_not_reserved",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        problems = {}
        if is_reserved(self.name):
            problems["name"] = f"{self.name} is one of Daybook's or Celery's own tasks, which can never be listed."
        schema_problems = (
            check_schema(self.argument_schema) if isinstance(self.argument_schema, dict) else ["No object."]
        )
        if not schema_problems and secret_paths(self.argument_schema):
            schema_problems = ["Arguments go through the broker unencrypted; let the task read its secrets itself."]
        if schema_problems:
            problems["argument_schema"] = " ".join(schema_problems)
        if problems:
            raise ValidationError(problems)


class JobType(models.Model):
    """A way in which a job can be due, as clients and forms offer it. Those that the product needs stay."""

    class Kind(models.TextChoices):
        CRON = "cron", "Cron"
        INTERVAL = "interval", "Interval"
        ONCE = "once", "Once"
        MANUAL = "manual", "Manual"

    name = models.SlugField(max_length=60, unique=True, help_text="What bodies call it.")
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    kind = models.CharField(max_length=10, choices=Kind.choices, help_text="The kind of schedule that it stands for.")
    fields = models.JSONField(default=dict, help_text="JSON Schema of schedule_config.")
    defaults = models.JSONField(default=dict, blank=True, help_text="What schedule_config says unless told.")
    is_enabled = models.BooleanField(default=True)
    is_builtin = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "scheduler_job_types"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["cron", "interval", "once", "manual"]), name="job_type_kind_is_known"
            )
        ]

    def __str__(self) -> str:
        return self.title
