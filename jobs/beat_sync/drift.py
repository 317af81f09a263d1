"""Where rows and jobs have come apart: rows without a job, rows that others changed, jobs whose row is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django_celery_beat.models import PeriodicTasks

from jobs.beat_sync.rows import CONTENT, JOINED
from scheduler_project.lib import sql

CHANGED = f"""
SELECT p.id AS row_id, j.id AS job_id, coalesce(j.origin = 'native', false) AS is_native, false AS row_is_gone
FROM {JOINED}
LEFT JOIN dynamic_jobs j ON j.periodic_task_id = p.id
LEFT JOIN beat_rows b ON b.job_id = j.id
WHERE p.id > %(after)s
  AND CASE WHEN j.origin = 'native' THEN true ELSE %(adopt)s AND j.archived_at IS NULL END
  AND (b.job_id IS NULL OR b.is_enabled <> p.enabled OR b.content <> {CONTENT})
ORDER BY p.id LIMIT %(limit)s
"""  # noqa: S608

ROWLESS = """
SELECT j.periodic_task_id AS row_id, j.id AS job_id, j.origin = 'native' AS is_native, true AS row_is_gone
FROM dynamic_jobs j LEFT JOIN django_celery_beat_periodictask p ON p.id = j.periodic_task_id
WHERE p.id IS NULL AND j.archived_at IS NULL AND (j.origin = 'native' OR j.periodic_task_id IS NOT NULL)
  AND j.id > %(after)s
ORDER BY j.id LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Drift:
    """A row, a job, or both, that do not agree."""

    row_id: int | None
    job_id: int | None
    is_native: bool
    row_is_gone: bool


def find_changed(*, after: int, limit: int, adopt: bool) -> Sequence[Drift]:
    """Rows after this id that are not as we know them. Without `adopt`, only those of native jobs."""
    return [Drift(**row) for row in sql.rows(CHANGED, {"after": after, "limit": limit, "adopt": adopt})]


def find_rowless(*, after: int, limit: int) -> Sequence[Drift]:
    """Jobs after this id that have lost their row, or a native one that never had any."""
    return [Drift(**row) for row in sql.rows(ROWLESS, {"after": after, "limit": limit})]


def change_mark() -> datetime | None:
    """What django-celery-beat notes whenever a row is saved or deleted. Only whether it differs says anything: it is
    the clock of whichever host wrote last."""
    mark: datetime | None = PeriodicTasks.last_change()
    return mark
