"""Forgets calls of event hooks and deliveries of webhooks when they are old: both are logs, and runs are kept apart."""

from __future__ import annotations

from datetime import timedelta

from jobs.models import HookCall, WebhookDelivery
from scheduler_project.lib import sql

KEPT = timedelta(days=30)
EVERY = timedelta(minutes=10)
BATCH = 5_000


def sweep() -> int:
    """Delete a batch of each. Returns how many rows."""
    before = sql.now() - KEPT
    calls = HookCall.objects.filter(at__lt=before).order_by("at").values("pk")[:BATCH]
    deliveries = WebhookDelivery.objects.filter(created_at__lt=before).order_by("created_at").values("pk")[:BATCH]
    gone = HookCall.objects.filter(pk__in=calls).delete()[0]
    return gone + WebhookDelivery.objects.filter(pk__in=deliveries).delete()[0]
