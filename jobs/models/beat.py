"""What each job's django-celery-beat row held when we last wrote or read it: a difference is somebody else's doing."""

from __future__ import annotations

from django.db import models

from jobs.models.job import Job


class BeatRow(models.Model):
    """One per job that has a row. Written by `jobs.beat_sync` only."""

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="beat_row")
    content = models.CharField(max_length=32, help_text="Fingerprint of what the row decides, `enabled` apart")
    is_enabled = models.BooleanField()
    last_run_at = models.DateTimeField(null=True)
    fired_count = models.PositiveBigIntegerField(default=0, help_text="How much of the job's count the row knows of")
    displaced_at = models.DateTimeField(
        null=True, help_text="When the job was put to observe, since someone else runs the row"
    )

    class Meta:
        db_table = "beat_rows"

    def __str__(self) -> str:
        return f"Row of job {self.job_id}"
