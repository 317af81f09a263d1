"""django-celery-beat rows: mirrors native jobs there, and adopts the rows that others made."""

from __future__ import annotations

from jobs.models import Job


def mirror(job: Job) -> None:
    """Bring the job's PeriodicTask in line with the job."""
