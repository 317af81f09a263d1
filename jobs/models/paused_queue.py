"""Queues from which nothing is taken until somebody resumes them."""

from __future__ import annotations

from django.db import models


class PausedQueue(models.Model):
    """One row per paused queue. The claim asks it, so that a pause holds from the moment it is committed."""

    queue = models.CharField(max_length=100, primary_key=True)
    paused_at = models.DateTimeField()
    paused_by = models.CharField(max_length=200)
    note = models.CharField(max_length=500)

    class Meta:
        db_table = "paused_queues"
        ordering = ["queue"]

    def __str__(self) -> str:
        return self.queue
