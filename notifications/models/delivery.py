"""Deliveries: each message that goes out by a channel, its tries and what they came to."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Now

from accounts.models import Tenant
from jobs.models.choices import choices, is_known
from notifications.models.channel import Channel
from notifications.models.rule import Rule
from notifications.rules.kinds import ChannelKind, SendingStatus, Severity


class Delivery(models.Model):
    """Repeats are counted in it while nobody has begun to send it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    rule = models.ForeignKey(Rule, null=True, on_delete=models.SET_NULL, related_name="+")
    uid = models.UUIDField(default=uuid.uuid4, editable=False, help_text="The same for every try: the receiver's key")
    type = models.CharField(max_length=60)
    severity = models.CharField(max_length=10, choices=choices(Severity))
    group_key = models.CharField(max_length=200)
    facts = models.JSONField(default=dict, help_text="What the words of the message are made of")
    order_key = models.GeneratedField(
        expression=Coalesce(KT("facts__job__id"), "group_key", output_field=models.TextField()),
        output_field=models.TextField(),
        db_persist=True,
        help_text="What goes out one after the other where order is kept: its job's, else its group's",
    )
    to = ArrayField(models.CharField(max_length=254), default=list, help_text="Addresses of people, for mail")
    taken_by = ArrayField(
        models.CharField(max_length=254), default=list, db_default=[], help_text="Addresses that have it already"
    )
    count = models.PositiveIntegerField(default=1, db_default=1)
    status = models.CharField(max_length=10, choices=choices(SendingStatus), default=SendingStatus.WAITING.value)
    reason = models.CharField(max_length=500, blank=True, default="")
    tries = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now(), help_text="When it happened last")
    not_before = models.DateTimeField(db_default=Now(), help_text="The end of quiet hours, or of gathering")
    give_up_at = models.DateTimeField()
    next_try_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    log = models.JSONField(default=list, help_text="The newest tries: at, seconds, status, answer, error")

    class Meta:
        db_table = "notification_deliveries"
        verbose_name_plural = "deliveries"
        ordering = ["-id"]
        constraints = [
            is_known("status", SendingStatus, "delivery_status_is_known"),
            is_known("severity", Severity, "delivery_severity_is_known"),
            models.CheckConstraint(
                condition=models.Q(status="waiting", next_try_at__isnull=False)
                | (~models.Q(status="waiting") & models.Q(next_try_at=None)),
                name="delivery_waits_for_a_time",
            ),
            models.UniqueConstraint(
                fields=["channel", "group_key"],
                condition=models.Q(status="waiting", tries=0),
                name="one_unsent_delivery_per_group",
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "next_try_at", "id"],
                condition=models.Q(next_try_at__isnull=False),
                name="deliveries_due",
            ),
            models.Index(
                fields=["channel", "order_key"],
                condition=models.Q(next_try_at__isnull=False),
                name="deliveries_in_order",
            ),
            models.Index(fields=["channel", "group_key", "-id"], name="deliveries_of_a_group"),
            models.Index(fields=["channel", "-id"], name="deliveries_of_a_channel"),
            models.Index(fields=["tenant", "-id"], name="deliveries_of_a_tenant"),
            models.Index(
                fields=["tenant", "-id"],
                condition=models.Q(status__in=["dead", "dropped"]),
                name="deliveries_never_made",
            ),
            models.Index(fields=["ended_at"], condition=models.Q(ended_at__isnull=False), name="deliveries_by_end"),
        ]

    def __str__(self) -> str:
        return f"Delivery {self.pk} by {self.channel_id}"


class DeliveryTotal(models.Model):
    """How many deliveries by a kind of channel have come to an end since the installation, and how long that took."""

    kind = models.CharField(max_length=10, choices=choices(ChannelKind))
    status = models.CharField(max_length=10, choices=choices(SendingStatus))
    count = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)
    buckets = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        db_table = "notification_delivery_totals"
        constraints = [models.UniqueConstraint(fields=["kind", "status"], name="one_total_per_channel_kind_and_status")]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}: {self.count}"
