"""How much each target has been told by each rule lately, so that a storm and a long day end in one message each."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class Flow(models.Model):
    """As `notifications.rules.grouping.Flow`. Written by the fan-out only; gone once it says nothing any more."""

    key = models.CharField(max_length=120, primary_key=True, help_text="Tenant, rule and target")
    recent = ArrayField(models.DateTimeField(), default=list)
    storm_until = models.DateTimeField(null=True)
    storm_jobs = ArrayField(models.CharField(max_length=200), default=list)
    day = models.DateField(null=True)
    told = models.PositiveIntegerField(default=0)
    named = ArrayField(models.CharField(max_length=200), default=list)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "notification_flows"
        indexes = [models.Index(fields=["updated_at"], name="notification_flows_by_age")]

    def __str__(self) -> str:
        return self.key
