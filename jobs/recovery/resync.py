"""Keeps jobs and django-celery-beat rows in line: at once when somebody is known to have saved a row, and every few
minutes all of them by content, since a bulk update tells nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from jobs import beat_sync
from jobs.beat_sync import Drift
from jobs.executions import JobIsArchived
from jobs.models import Job
from jobs.recovery import adoption
from jobs.rules.states import Origin
from scheduler_project.lib import sql, telemetry, transactions

FULL_EVERY = timedelta(minutes=5)
LOOK_EVERY = timedelta(seconds=30)
BATCH = 200


class Resync:
    """One candidate's view. Nothing in it is needed for correctness: a new leader begins with a full comparison."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._has_installed = False
        self._mark: datetime | None = None
        self._full_at = clock()
        self._look_at = clock()
        self._compared_at: datetime | None = None
        self._comparison: Iterator[None] | None = None

    def sweep(self) -> None:
        """One turn: at most a few hundred rows that differ."""
        if settings.DAYBOOK_ADOPT and not self._has_installed:
            beat_sync.install()
            self._has_installed = True
        self._look_for_another_beat()
        self._compare()
        beat_sync.note_runs(Origin.ADOPTED)

    def _compare(self) -> None:
        mark = beat_sync.change_mark()
        if self._comparison is None:
            is_full = self._clock() >= self._full_at
            if mark == self._mark and not is_full:
                return
            # Any difference counts: the mark is the clock of whoever wrote last, and may well go back.
            self._mark = mark
            self._comparison = self._compare_all(is_full=is_full)
        try:
            next(self._comparison)
        except StopIteration:
            self._comparison = None
        except BaseException:
            self._comparison, self._mark = None, None
            raise

    def _compare_all(self, *, is_full: bool) -> Iterator[None]:
        """In batches; rows that cannot be mended are passed by, so that they hold up no other."""
        started_at = sql.now()
        if is_full:
            self._full_at = self._clock() + FULL_EVERY.total_seconds()
            beat_sync.note_runs(Origin.NATIVE)
            beat_sync.switch_off_what_is_over()
            if not settings.DAYBOOK_ADOPT:
                adoption.stand_aside("Adoption is switched off (DAYBOOK_ADOPT).")
        after: int | None = 0
        while after is not None:
            found = beat_sync.find_changed(after=after, limit=BATCH, adopt=settings.DAYBOOK_ADOPT)
            after = found[-1].row_id if len(found) == BATCH else None
            self._mend_each(found)
            if after is not None:
                yield
        after = 0
        while after is not None:
            found = beat_sync.find_rowless(after=after, limit=BATCH)
            after = found[-1].job_id if len(found) == BATCH else None
            self._mend_each(found)
            if after is not None:
                yield
        self._compared_at = started_at

    def _mend_each(self, found: Sequence[Drift]) -> None:
        for drift in found:
            with _passing_by(drift):
                mend(drift, since=self._compared_at)

    def _look_for_another_beat(self) -> None:
        """A run that is noted in a row and is not ours is another beat's. One from before this leader leads is history:
        then nobody else may have been there to run the row."""
        if self._clock() < self._look_at:
            return
        self._look_at = self._clock() + LOOK_EVERY.total_seconds()
        runs = beat_sync.find_foreign_runs()
        if not runs:
            return
        if any(run.is_current for run in runs):
            stopped = adoption.stand_aside("Another beat runs the django-celery-beat rows.")
            if stopped:
                telemetry.emit("beat.other_beat_seen", rows=len(runs), stopped=stopped)
        else:
            telemetry.emit("beat.other_beat_had_run", rows=len(runs), last_run_at=max(run.last_run_at for run in runs))
        beat_sync.acknowledge(runs)


def mend(drift: Drift, *, since: datetime | None) -> None:
    """Bring a row and its job in line. What the row alone decides may be refused, as when somebody saves it."""
    if drift.job_id is None:
        assert drift.row_id is not None
        adoption.adopt(drift.row_id, since=since)
    elif drift.is_native:
        _mirror(drift.job_id)
    elif drift.row_is_gone:
        adoption.let_go(drift.job_id)
    else:
        adoption.follow(drift.job_id)


def _mirror(job_id: int) -> None:
    """Undo what others did to the row of a native job, or make the row that it has lost."""
    with transactions.engine():
        job = Job.objects.select_for_update(no_key=True).get(pk=job_id)
        beat_sync.mirror(job)


@contextmanager
def _passing_by(drift: Drift) -> Iterator[None]:
    try:
        yield
    except JobIsArchived:
        pass  # by somebody, since we looked
    except Exception as error:  # whatever one row holds, the others must go on
        if isinstance(error, OperationalError | InterfaceError) and not connection.is_usable():
            raise
        telemetry.emit("beat.row_failed", row=drift.row_id, job_id=drift.job_id, error=repr(error))
