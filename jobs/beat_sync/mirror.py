"""Native jobs as rows that others can read, and that stock beat could run in an emergency. The job is the truth."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction
from django_celery_beat.models import PeriodicTask

from jobs.beat_sync import celery_schedules, rows
from jobs.beat_sync.celery_schedules import CelerySchedule
from jobs.models import BeatRow, Job
from jobs.rules.states import Mode, Origin
from scheduler_project.lib import sql, telemetry

TASK = "scheduler.run_job"
PREFIX = "daybook:"
COMPARED = (
    "name", "task", "args", "kwargs", "queue", "exchange", "routing_key", "headers", "priority", "expires",
    "expire_seconds", "start_time", "one_off", "enabled",
)  # fmt: skip


def mirror(job: Job) -> None:
    """Bring the row of a native job in line with the job. Part of the transaction that changes the job and holds it
    locked. Rows are written in sets, even a single one: saving would send signals, and tell ourselves of a change."""
    if job.origin != Origin.NATIVE:
        return
    before = rows.find(job.periodic_task_id) if job.periodic_task_id else None
    known = BeatRow.objects.filter(job=job).first()
    schedule = celery_schedules.nearest(job.schedule)
    values = _values(job, schedule)
    if before is None:
        edited = ["deleted"] if known else []
        row_id = _create(job, values, schedule)
    else:
        row_id = before.id
        is_known = known is not None and (known.content, known.is_enabled) == (before.content, before.enabled)
        edited = [] if is_known or known is None else _differences(before, values)
        likely = getattr(before, f"{schedule.kind}_id")
        pointers = _pointers(schedule, celery_schedules.row_id(schedule, likely=likely))
        PeriodicTask.objects.filter(pk=row_id).update(**values, **pointers, date_changed=sql.now())
    after = rows.find(row_id)
    assert after is not None
    rows.remember(job.pk, after)
    if edited:
        transaction.on_commit(
            lambda: telemetry.emit("beat.foreign_edit_undone", job_id=job.pk, job=job.name, row=row_id, fields=edited)
        )


def _create(job: Job, values: dict[str, Any], schedule: CelerySchedule) -> int:
    name = values["name"]
    if PeriodicTask.objects.filter(name=name).exists():
        values = {**values, "name": f"{name} (revision {job.revision})"}  # somebody else's row, which stays theirs
    pointers = _pointers(schedule, celery_schedules.row_id(schedule, likely=None))
    # Without a last run, beat would count from long ago and start with a run at once.
    task = PeriodicTask(**values, **pointers, last_run_at=sql.now())
    row_id: int = PeriodicTask.objects.bulk_create([task])[0].pk
    job.periodic_task_id = row_id
    Job.objects.filter(pk=job.pk).update(periodic_task_id=row_id)
    BeatRow.objects.filter(job=job).delete()
    return row_id


def _values(job: Job, schedule: CelerySchedule) -> dict[str, Any]:
    spec, deadline = job.schedule, job.policies.start_deadline_seconds
    return {
        "name": f"{PREFIX}{job.pk}",
        "task": TASK,
        "args": "[]",
        "kwargs": json.dumps({"job_id": job.pk}),
        "queue": job.queue,
        "exchange": None,
        "routing_key": None,
        "headers": "{}",
        "priority": job.priority,
        "expires": spec.end_at,
        # A row may have only one of the two.
        "expire_seconds": None if spec.end_at else deadline,
        "start_time": spec.start_at,
        "one_off": schedule.is_one_off,
        "enabled": schedule.comes and _is_live(job),
        "description": f"The job {job.name} of Daybook. Change it there: what is changed here is undone.",
    }


def _is_live(job: Job) -> bool:
    return (
        job.is_enabled
        and not job.is_paused
        and job.archived_at is None
        and job.mode == Mode.LIVE
        and job.next_tick_at is not None
    )


def _pointers(schedule: CelerySchedule, schedule_id: int) -> dict[str, int | None]:
    return {
        f"{kind}_id": schedule_id if kind == schedule.kind else None for kind in (*celery_schedules.MODELS, "solar")
    }


def _differences(before: rows.Row, values: dict[str, Any]) -> list[str]:
    """The columns in which the row is not what the job says; `schedule` when it is none of them."""
    return [name for name in COMPARED if getattr(before, name) != values[name]] or ["schedule"]
