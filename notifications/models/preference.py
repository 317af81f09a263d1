"""What a person wants of the console's notifications."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from jobs.models.choices import choices, is_known
from notifications.rules.kinds import Severity


class Preference(models.Model):
    """Nobody's row: the defaults. Quiet hours are in the person's own zone."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="notification_preference"
    )
    toasts_from = models.CharField(
        max_length=10, choices=choices(Severity), default=Severity.WARNING.value, help_text="Less grave ones wait"
    )
    on_desktop = models.BooleanField(default=False, db_default=False)
    muted_jobs = ArrayField(models.BigIntegerField(), default=list, blank=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    zone = models.CharField(max_length=60, default="UTC", db_default="UTC")
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "notification_preferences"
        indexes = [GinIndex(fields=["muted_jobs"], name="preferences_that_mute")]
        constraints = [
            is_known("toasts_from", Severity, "preference_severity_is_known"),
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="preference_quiet_hours_have_two_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"Notifications of user {self.user_id}"
