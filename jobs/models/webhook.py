"""Webhooks: addresses at which events start jobs, addresses that hear how runs ended, and the calls of both."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant
from jobs.models.choices import choices, is_known
from jobs.models.job import Job
from jobs.rules.webhooks import CallOutcome, DeliveryStatus, RunEvent
from scheduler_project.lib import short_addresses, signatures


class Signed(models.Model):
    """What secrets are derived from. The database holds none: whoever reads it can sign nothing."""

    public_id = models.CharField(max_length=22, unique=True, editable=False, default=signatures.new_public_id)
    nonce = models.CharField(max_length=43, editable=False, default=signatures.new_nonce)
    previous_nonce = models.CharField(max_length=43, blank=True, default="", editable=False)
    previous_until = models.DateTimeField(null=True, editable=False, help_text="Until then the former secret works too")

    PURPOSE: ClassVar[str]

    class Meta:
        abstract = True

    def secrets(self, now: datetime) -> list[str]:
        """Those in force: the newest first, and the former one while it overlaps."""
        nonces = [self.nonce]
        if self.previous_until is not None and self.previous_until > now:
            nonces.append(self.previous_nonce)
        return [secret for nonce in nonces for secret in signatures.derive(self.PURPOSE, self.public_id, nonce)]

    def newest_secret(self) -> str:
        return signatures.derive(self.PURPOSE, self.public_id, self.nonce)[0]

    def take_new_secret(self, *, now: datetime, overlap: timedelta) -> None:
        self.previous_nonce, self.previous_until = self.nonce, now + overlap
        self.nonce = signatures.new_nonce()


class EventHook(Signed):
    """An address that runs a job when it is called with a good signature."""

    PURPOSE = "event-hook"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="event_hooks")
    name = models.CharField(max_length=200)
    is_enabled = models.BooleanField(default=True)
    accepts_github = models.BooleanField(default=False, help_text="Signatures as GitHub makes them are good as well")
    mapping = models.JSONField(default=dict, blank=True, help_text="JSON pointers into the body, by parameter")
    body_parameter = models.CharField(max_length=100, blank=True, default="", help_text="Takes the whole body")
    calls_per_minute = models.PositiveIntegerField(default=60)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    # Calls that nobody signed leave no rows, or anyone could fill the table.
    refused_at = models.DateTimeField(null=True, editable=False)
    refused_because = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        db_table = "event_hooks"
        ordering = ["job", "name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(calls_per_minute__gte=1, calls_per_minute__lte=6000), name="event_hook_is_bounded"
            )
        ]

    def __str__(self) -> str:
        return self.name


class HookCall(models.Model):
    """A call with a good signature, and what became of it. Calls that started a run are known again."""

    hook = models.ForeignKey(EventHook, on_delete=models.CASCADE, related_name="calls")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=choices(CallOutcome))
    message = models.CharField(max_length=500, blank=True, default="")
    execution_id = models.BigIntegerField(null=True)
    signed = models.CharField(  # noqa: DJ001
        max_length=64, null=True, help_text="SHA-256 of what was signed, of accepted calls"
    )
    delivery = models.CharField(max_length=64, null=True, help_text="SHA-256 of the sender's id of the delivery")  # noqa: DJ001
    body = models.CharField(max_length=64, help_text="SHA-256")
    request_id = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        db_table = "event_hook_calls"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["hook", "signed"], name="one_run_per_hook_and_signed_call"),
            models.UniqueConstraint(fields=["hook", "delivery"], name="one_run_per_hook_and_delivery"),
            is_known("outcome", CallOutcome, "hook_call_outcome_is_known"),
        ]
        indexes = [
            models.Index(fields=["hook", "at"], name="hook_calls_by_hook"),
            models.Index(fields=["at"], name="hook_calls_by_age"),
        ]

    def __str__(self) -> str:
        return f"Call {self.pk}: {self.outcome}"


class Webhook(Signed):
    """Somebody's address that hears how the runs of one job, or of all jobs of the tenant, end."""

    PURPOSE = "webhook"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.CASCADE, related_name="webhooks")
    name = models.CharField(max_length=200)
    url = models.CharField(max_length=2000)
    events = ArrayField(models.CharField(max_length=10, choices=choices(RunEvent)))
    is_enabled = models.BooleanField(default=True)
    failures_in_row = models.PositiveIntegerField(
        default=0, editable=False, help_text="Failed calls since the last good"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_by = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        db_table = "webhooks"
        ordering = ["tenant", "name"]
        indexes = [models.Index(fields=["tenant"], condition=models.Q(is_enabled=True), name="webhooks_enabled")]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_url(self) -> str:
        return short_addresses.of_url(self.url)


class WebhookDelivery(models.Model):
    """One event of one execution for one webhook: made from the outbox, sent until it is taken or a day is over."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    uid = models.UUIDField(default=uuid.uuid4, editable=False, help_text="The same for every try: the receiver's key")
    execution_id = models.BigIntegerField()
    event = models.CharField(max_length=10, choices=choices(RunEvent))
    payload = models.JSONField()
    status = models.CharField(max_length=10, choices=choices(DeliveryStatus), default=DeliveryStatus.WAITING.value)
    reason = models.CharField(max_length=500, blank=True, default="")
    tries = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    give_up_at = models.DateTimeField()
    next_try_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    log = models.JSONField(default=list, help_text="The newest tries: at, seconds, status, answer, error")

    class Meta:
        db_table = "webhook_deliveries"
        verbose_name_plural = "webhook deliveries"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "execution_id", "event"], name="one_delivery_per_webhook_and_event"
            ),
            is_known("status", DeliveryStatus, "webhook_delivery_status_is_known"),
            models.CheckConstraint(
                condition=models.Q(status="waiting", next_try_at__isnull=False)
                | (~models.Q(status="waiting") & models.Q(next_try_at=None)),
                name="webhook_delivery_waits_for_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["webhook", "next_try_at"],
                condition=models.Q(next_try_at__isnull=False),
                name="webhook_deliveries_due",
            ),
            models.Index(fields=["webhook", "-id"], name="webhook_deliveries_newest"),
            models.Index(fields=["execution_id"], name="webhook_deliveries_by_run"),
            models.Index(fields=["created_at"], name="webhook_deliveries_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.event} of execution {self.execution_id}"
