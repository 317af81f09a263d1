"""Forgets calls of event hooks and deliveries of webhooks when they are old: both are logs, and runs are kept apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from jobs.models import HookCall, WebhookDelivery
from scheduler_project.lib import sql

KEPT = timedelta(days=30)
EVERY = timedelta(minutes=10)
BATCH = 5_000


def sweep() -> int:
    """Delete all of them, a batch at a time. Returns how many rows."""
    before = sql.now() - KEPT
    calls = HookCall.objects.filter(at__lt=before).order_by("at")
    deliveries = WebhookDelivery.objects.filter(created_at__lt=before).order_by("created_at")
    return _delete(calls) + _delete(deliveries)


def _delete(old: QuerySet[Any]) -> int:
    total = 0
    while True:
        gone: int = old.model._default_manager.filter(pk__in=old.values("pk")[:BATCH]).delete()[0]
        total += gone
        if gone < BATCH:
            return total
