"""What the tests of backfills share: a job with a past, and its ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.models import Job, Tick
from scheduler_project.lib import sql

HOURLY = {"kind": "cron", "cron": "0 * * * *"}


def hours_ago(count: int) -> datetime:
    """The full hour so many hours before the present one, when an hourly job was due."""
    return sql.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=count)


def record(job: Job, due_at: datetime, outcome: str, reason: str = "", execution_id: int | None = None) -> Tick:
    return Tick.objects.create(
        tenant_id=job.tenant_id,
        job=job,
        due_at=due_at,
        outcome=outcome,
        reason=reason or ("" if execution_id else "paused"),
        execution_id=execution_id,
        revision=1,
        epoch=1,
        decided_at=due_at,
    )


def ledger_of(job: Job) -> list[dict[str, Any]]:
    """Every column of the job's ticks."""
    return sql.rows("SELECT * FROM ticks WHERE job_id = %(job)s ORDER BY due_at", {"job": job.pk})
