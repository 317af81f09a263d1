"""The rows that stand for the templates in the code, so that jobs and runs can point at the version they use."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import F, Q


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
