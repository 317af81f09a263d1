"""Rules: of what, about which jobs, who is told, how often and when."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant
from jobs.models import Job
from jobs.models.choices import choices, is_known
from notifications.models.channel import Channel
from notifications.rules.kinds import Kind, Severity


class Rule(models.Model):
    """About one job, the jobs with a tag, or with neither all of the tenant. The default rule of a tenant is built in
    (`notifications.rulebook`) until somebody changes it; then it has a row, `is_default`."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    is_default = models.BooleanField(default=False, db_default=False)
    is_enabled = models.BooleanField(default=True, db_default=True)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.CASCADE, related_name="notification_rules")
    tag = models.CharField(max_length=50, blank=True, default="", db_default="")
    kinds = ArrayField(models.CharField(max_length=12, choices=choices(Kind)))
    in_row = models.PositiveSmallIntegerField(default=1, db_default=1, help_text="Failures in a row before it is told")
    only_changes = models.BooleanField(
        default=True, db_default=True, help_text="Failures after the first (or the Nth) are not told until a recovery"
    )
    severity = models.CharField(
        max_length=10, choices=choices(Severity), blank=True, default="", db_default="", help_text="Empty: by the kind"
    )
    to_owner = models.BooleanField(default=True, db_default=True)
    to_everyone = models.BooleanField(default=False, db_default=False, help_text="One notification for the tenant")
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    channels = models.ManyToManyField(Channel, blank=True, related_name="rules")
    group_minutes = models.PositiveSmallIntegerField(
        default=5, db_default=5, help_text="After a message, what follows about the same is gathered so long"
    )
    daily_cap = models.PositiveSmallIntegerField(
        default=50,
        db_default=50,
        help_text="So many messages a day to each; then one that says how many more there were",
    )
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    zone = models.CharField(max_length=60, default="UTC", db_default="UTC")
    quiet_passes = models.CharField(
        max_length=10,
        choices=choices(Severity),
        default=Severity.CRITICAL.value,
        db_default=Severity.CRITICAL.value,
        help_text="From this severity on messages go out in quiet hours too",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_by = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        db_table = "notification_rules"
        ordering = ["tenant", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_default=True), name="one_default_rule_per_tenant"
            ),
            is_known("quiet_passes", Severity, "rule_quiet_passes_is_known"),
            models.CheckConstraint(
                condition=models.Q(severity__in=["", *(severity.value for severity in Severity)]),
                name="rule_severity_is_known",
            ),
            models.CheckConstraint(condition=models.Q(job=None) | models.Q(tag=""), name="rule_is_of_a_job_or_a_tag"),
            models.CheckConstraint(
                condition=models.Q(is_default=False) | models.Q(job=None, tag=""), name="default_rule_is_of_all_jobs"
            ),
            models.CheckConstraint(
                condition=models.Q(in_row__gte=1, in_row__lte=100, group_minutes__lte=1440, daily_cap__gte=1),
                name="rule_is_bounded",
            ),
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="rule_quiet_hours_have_two_ends",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant"], condition=models.Q(is_enabled=True), name="rules_enabled"),
            models.Index(fields=["tenant", "-is_default", "name", "id"], name="rules_as_listed"),
        ]

    def __str__(self) -> str:
        return self.name
