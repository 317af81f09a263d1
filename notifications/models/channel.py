"""Channels: the ways out of the house, each with its address, its secret and how it does."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant
from jobs.models.choices import choices, is_known
from jobs.models.webhook import Signed
from notifications.rules.kinds import ChannelKind


class Channel(Signed):
    """`config` has what anybody may see; what opens the receiver's door is in `secret`, sealed by the tenant's key."""

    PURPOSE: ClassVar[str] = "notification-channel"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=choices(ChannelKind))
    config = models.JSONField(default=dict, blank=True)
    secret = models.TextField(blank=True, default="", editable=False, help_text="Sealed")
    title_text = models.CharField(max_length=500, blank=True, default="", help_text="Empty: the usual words")
    body_text = models.TextField(blank=True, default="", help_text="Empty: the usual words")
    is_enabled = models.BooleanField(default=True, db_default=True)
    per_minute = models.PositiveIntegerField(default=60, db_default=60, help_text="So many messages a minute at most")
    minute_started_at = models.DateTimeField(null=True, editable=False)
    minute_sent = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    failures_in_row = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    open_until = models.DateTimeField(null=True, editable=False, help_text="Its circuit: nothing is sent until then")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_by = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        db_table = "notification_channels"
        ordering = ["tenant", "name"]
        constraints = [
            is_known("kind", ChannelKind, "channel_kind_is_known"),
            models.UniqueConstraint(fields=["tenant", "name"], name="one_channel_per_name_and_tenant"),
            models.CheckConstraint(
                condition=models.Q(per_minute__gte=1, per_minute__lte=6000), name="channel_rate_is_bounded"
            ),
        ]

    def __str__(self) -> str:
        return self.name
