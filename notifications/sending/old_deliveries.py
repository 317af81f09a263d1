"""Forgets deliveries that ended long ago: they are a log, and inboxes are kept apart."""

from __future__ import annotations

from datetime import timedelta

from notifications.models import Delivery
from scheduler_project.lib import batches, sql

KEPT = timedelta(days=30)
EVERY = timedelta(minutes=10)


def sweep() -> int:
    """Delete all of them, a batch at a time. Returns how many rows."""
    return batches.delete(Delivery.objects.filter(ended_at__lt=sql.now() - KEPT).order_by("ended_at"))
