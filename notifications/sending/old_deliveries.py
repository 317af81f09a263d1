"""Forgets deliveries that ended long ago: they are a log, and inboxes are kept apart."""

from __future__ import annotations

from datetime import timedelta

from notifications.models import Delivery
from notifications.rules.kinds import SendingStatus
from scheduler_project.lib import batches, sql

KEPT = timedelta(days=30)
EVERY = timedelta(minutes=10)


def sweep() -> int:
    """Delete all of them, a batch at a time. Returns how many rows."""
    old = Delivery.objects.filter(created_at__lt=sql.now() - KEPT).exclude(status=SendingStatus.WAITING.value)
    return batches.delete(old.order_by("created_at"))
