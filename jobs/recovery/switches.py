"""Switches that go over by themselves: a pause that ends, a job that failed too often, a maintenance window."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F, Func, JSONField, QuerySet

from jobs import maintenance, registry
from jobs.models import Execution, Job
from jobs.models.job import FAILS_IN_ROW, PAUSE_ENDS
from jobs.rules.states import ExecutionStatus
from scheduler_project.lib import sql, telemetry

PAUSE_END, FAILURES = "system:pause_end", "system:failures"
MOST = 100
REST = timedelta(minutes=1)  # a job that could not be switched is tried again after this
UNSUCCESSFUL = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.LOST, ExecutionStatus.DEAD)


class Switches:
    """The leader's sweep. Each job in a transaction of its own, so that a bad one stops no other."""

    def __init__(self) -> None:
        self._resting: dict[int, float] = {}

    def sweep(self) -> int:
        """Returns how many switches went over."""
        now = sql.now()
        woken = time.monotonic() - REST.total_seconds()
        self._resting = {job_id: since for job_id, since in self._resting.items() if since > woken}
        done = maintenance.close_overdue(now=now)
        return done + self._each(overdue_pauses(now), resume) + self._each(failing_too_often(), pause)

    def _each(self, found: QuerySet[Job], act: Callable[[int], object]) -> int:
        done = 0
        for job_id in list(found.exclude(pk__in=self._resting).values_list("pk", flat=True)[:MOST]):
            try:
                act(job_id)
                done += 1
            except Exception as error:  # noqa: BLE001  whatever keeps one job from being switched, the others go on
                self._resting[job_id] = time.monotonic()
                telemetry.emit("job.switch_failed", job_id=job_id, error=repr(error))
        return done


def overdue_pauses(now: datetime) -> QuerySet[Job]:
    found = Job.objects.filter(PAUSE_ENDS, paused_until__lte=now)
    return found.filter(paused_at__isnull=False, archived_at=None).order_by("paused_until")


def failing_too_often() -> QuerySet[Job]:
    # As JSON, since a stored policy that is no number must not fail the statement for all jobs.
    count = Func(F("failures_in_row"), function="to_jsonb", output_field=JSONField())
    return Job.objects.filter(FAILS_IN_ROW).filter(policy__pause_after_failures__lte=count).order_by("id")


def resume(job_id: int) -> None:
    """End the pause of a job, unless its end was moved meanwhile."""
    registry.resume(
        job_id,
        actor=PAUSE_END,
        note="The pause ended by itself.",
        only_if=lambda job, now: job.paused_until is not None and job.paused_until <= now,
    )


def pause(job_id: int) -> None:
    """Pause a job that fails too often, unless it succeeded, was resumed or was changed meanwhile."""
    count = Job.objects.values_list("failures_in_row", flat=True).get(pk=job_id)
    words = f"{count} failure{'' if count == 1 else 's'} in a row"
    if last := _last_error(job_id):
        words += f", the last one {last}"
    registry.pause(job_id, actor=FAILURES, note=f"{words}.", only_if=lambda job, now: _fails_too_often(job))


def _fails_too_often(job: Job) -> bool:
    most = job.policies.pause_after_failures
    return job.paused_at is None and most is not None and job.failures_in_row >= most


def _last_error(job_id: int) -> str:
    """The class of the newest failed run's error, or how it ended where there is none."""
    runs = Execution.objects.filter(job_id=job_id, status__in=UNSUCCESSFUL, dry_run=False).order_by("job_id", "-id")
    newest = runs.values_list("error_class", "status").first()
    return (newest[0] or newest[1]) if newest else ""
