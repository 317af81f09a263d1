"""What the scheduler does by itself every few minutes, when somebody asks for it now: rows of django-celery-beat are
brought in line with their jobs, and the newest part of the ledger is verified and repaired."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError

from jobs import beat_sync
from jobs.beat_sync import Drift
from jobs.executions import JobIsArchived
from jobs.models import Job
from jobs.recovery import reconciler, resync
from scheduler_project.lib.input import InvalidInput

BATCH = 200
BUDGET = 8.0  # seconds of one request; what is not reached is for the next
MOST_TOLD = 100


@dataclass(frozen=True)
class Find:
    """A break of the ledger's promise that nobody had found before."""

    job_id: int
    due_at: datetime
    kind: str
    detail: str


@dataclass(frozen=True)
class Report:
    """`next_after` is the job to go on behind, when the time was over before all were looked at."""

    jobs: int = 0
    rows_mended: int = 0
    rows_refused: tuple[str, ...] = ()
    violations: int = 0
    finds: tuple[Find, ...] = field(default=())
    next_after: int | None = None


def reconcile_job(job_id: int) -> Report:
    """Raises `Job.DoesNotExist`."""
    job = Job.objects.only("id", "periodic_task_id", "archived_at").get(pk=job_id)
    report = Report(jobs=1)
    for drift in _drifts_of(job):
        report = _mended(report, drift)
    return _with_finds(report, job_id)


def reconcile_all(*, after: int = 0) -> Report:
    """All jobs behind the one with this id, as far as the time of one request goes; rows only at the start."""
    ends_at = time.monotonic() + BUDGET
    report = Report()
    if not after:
        for drift in _all_drifts():
            report = _mended(report, drift)
    place: int | None = after
    while place is not None and time.monotonic() < ends_at:
        count = Job.objects.filter(pk__gt=place, archived_at=None, is_enabled=True).count()
        suspects, place = reconciler.find_suspects(after=place, limit=BATCH)
        report = replace(report, jobs=report.jobs + min(count, BATCH))
        for job_id in suspects:
            report = _with_finds(report, job_id)
    return replace(report, next_after=place)


def _drifts_of(job: Job) -> Iterator[Drift]:
    if job.periodic_task_id is not None:
        rows = beat_sync.find_changed(after=job.periodic_task_id - 1, limit=1, adopt=settings.DAYBOOK_ADOPT)
        yield from (drift for drift in rows if drift.row_id == job.periodic_task_id)
    rowless = beat_sync.find_rowless(after=job.pk - 1, limit=1)
    yield from (drift for drift in rowless if drift.job_id == job.pk)


def _all_drifts() -> Iterator[Drift]:
    after: int | None = 0
    while after is not None:
        found = beat_sync.find_changed(after=after, limit=BATCH, adopt=settings.DAYBOOK_ADOPT)
        after = found[-1].row_id if len(found) == BATCH else None
        yield from found
    after = 0
    while after is not None:
        found = beat_sync.find_rowless(after=after, limit=BATCH)
        after = found[-1].job_id if len(found) == BATCH else None
        yield from found


def _mended(report: Report, drift: Drift) -> Report:
    try:
        resync.mend(drift, since=None)
    except JobIsArchived:
        return report  # by somebody, since we looked
    except (InvalidInput, DatabaseError) as error:
        told = f"Row {drift.row_id} of job {drift.job_id}: {error}"[:300]
        return replace(report, rows_refused=(*report.rows_refused, told)[:MOST_TOLD])
    return replace(report, rows_mended=report.rows_mended + 1)


def _with_finds(report: Report, job_id: int) -> Report:
    violations = reconciler.reconcile(job_id)
    finds = tuple(Find(job_id, one.due_at, one.kind.value, one.detail) for one in violations)
    return replace(report, violations=report.violations + len(finds), finds=(*report.finds, *finds)[:MOST_TOLD])
