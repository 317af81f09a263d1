"""The inbox: what people are told in the console, who has read it, and the changes that live clients follow."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant
from jobs.models.choices import choices, is_known
from notifications.rules.kinds import ChangeKind, Severity


class Notification(models.Model):
    """For one person, or with no user for everybody in the tenant. Repeats are counted in the row while it is open."""

    tenant = models.ForeignKey(
        Tenant, null=True, on_delete=models.CASCADE, related_name="+", help_text="None: of the whole system"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    type = models.CharField(max_length=60, help_text="What it is about, such as job.failed")
    severity = models.CharField(max_length=10, choices=choices(Severity), default=Severity.INFO.value)
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True, default="")
    meta = models.JSONField(default=dict, blank=True)
    count = models.PositiveIntegerField(default=1, db_default=1, help_text="How often it happened")
    group_key = models.CharField(max_length=200, blank=True, default="", db_default="")
    is_open = models.BooleanField(default=False, db_default=False, help_text="Repeats are still added to it")
    created_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now(), help_text="When it happened last")
    read_at = models.DateTimeField(null=True, help_text="Of one for a single person; see NotificationMark for others")
    ttl_at = models.DateTimeField(help_text="From then on it is gone")

    class Meta:
        db_table = "ui_notifications"
        ordering = ["-last_at", "-id"]
        constraints = [
            is_known("severity", Severity, "notification_severity_is_known"),
            models.CheckConstraint(
                condition=models.Q(tenant__isnull=False) | models.Q(user__isnull=False),
                name="notification_is_for_somebody",
            ),
            models.UniqueConstraint(
                fields=["tenant", "user", "group_key"],
                condition=models.Q(is_open=True),
                nulls_distinct=False,
                name="one_open_notification_per_group",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-last_at", "-id"], name="notifications_of_a_user"),
            models.Index(
                fields=["user", "-last_at", "-id"],
                include=["tenant", "ttl_at"],
                condition=models.Q(read_at=None, user__isnull=False),
                name="notifications_unread",
            ),
            models.Index(
                fields=["tenant", "-last_at", "-id"],
                condition=models.Q(user=None),
                name="notifications_of_a_tenant",
            ),
            models.Index(fields=["ttl_at"], name="notifications_by_end"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def seen_at(self) -> datetime | None:
        """When the reader of `notifications.inbox.reading` read it; of other rows, when the one person did."""
        seen_at: datetime | None = vars(self).get("seen_by_reader", self.read_at)
        return seen_at


class NotificationMark(models.Model):
    """What one reader has done with a notification that is for everybody in a tenant. Cleared without having been read,
    it was never shown: the reader has muted the job."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="marks")
    reader = models.CharField(max_length=60, help_text="user:<id> or key:<prefix>")
    read_at = models.DateTimeField(null=True)
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "ui_notification_marks"
        constraints = [
            models.UniqueConstraint(fields=["reader", "notification"], name="one_mark_per_reader_and_notification")
        ]

    def __str__(self) -> str:
        return f"{self.reader} and notification {self.notification_id}"


class NotificationChange(models.Model):
    """One change of an inbox. Ids are given in the order of commits, so that a place in them misses nothing."""

    tenant_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)
    reader = models.CharField(max_length=60, blank=True, default="", db_default="", help_text="Empty: all concerned")
    kind = models.CharField(max_length=10, choices=choices(ChangeKind))
    notification_id = models.BigIntegerField(null=True, help_text="None: many at once")
    data = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ui_notification_changes"
        ordering = ["id"]
        constraints = [is_known("kind", ChangeKind, "notification_change_kind_is_known")]
        indexes = [
            models.Index(fields=["user_id", "id"], name="notification_changes_of_a_user"),
            models.Index(fields=["tenant_id", "id"], name="notification_changes_of_tenant"),
            models.Index(fields=["at"], name="notification_changes_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.notification_id or 'many'}"


class NotificationTotal(models.Model):
    """How many notifications of a type there have been since the installation, repeats counted."""

    type = models.CharField(max_length=60)
    severity = models.CharField(max_length=10)
    count = models.BigIntegerField(default=0)

    class Meta:
        db_table = "ui_notification_totals"
        constraints = [
            models.UniqueConstraint(fields=["type", "severity"], name="one_total_per_notification_type_and_severity")
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.severity}: {self.count}"
