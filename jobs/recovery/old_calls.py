"""Forgets calls of event hooks and deliveries of webhooks when they are old: both are logs, and runs are kept apart."""

from __future__ import annotations

from datetime import timedelta

from jobs.models import HookCall, WebhookDelivery
from scheduler_project.lib import batches, sql

KEPT = timedelta(days=30)
EVERY = timedelta(minutes=10)


def sweep() -> int:
    """Delete all of them, a batch at a time. Returns how many rows."""
    before = sql.now() - KEPT
    calls = HookCall.objects.filter(at__lt=before).order_by("at")
    deliveries = WebhookDelivery.objects.filter(created_at__lt=before).order_by("created_at")
    return batches.delete(calls) + batches.delete(deliveries)
