"""Forgets drafts of jobs that nobody went on with."""

from __future__ import annotations

from datetime import timedelta

from jobs import drafts
from jobs.models import JobDraft
from scheduler_project.lib import batches, sql

EVERY = timedelta(minutes=10)


def sweep() -> int:
    """Returns how many rows."""
    return batches.delete(JobDraft.objects.filter(updated_at__lte=sql.now() - drafts.KEPT).order_by("updated_at"))
