"""What becomes of jobs is noted in their rows, in sets: last run, count, end of one-off rows. And who else did.

Each statement skips rows that someone holds, so that it never waits and is in no deadlock; the next one comes soon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.rules.states import Origin
from scheduler_project.lib import sql

NOTE = """
WITH behind AS (
    SELECT b.job_id, p.id AS row_id, j.fired_count, j.fired_count - b.fired_count AS fired,
           p.one_off AND j.origin = 'adopted' AND j.fired_count >= (j.policy ->> 'max_runs')::bigint AS is_over,
           (SELECT max(t.due_at) FROM ticks t
            WHERE t.job_id = j.id AND t.outcome IN ('fired', 'late')
              AND t.due_at >= coalesce(b.last_run_at, '-infinity')) AS ran_at
    FROM beat_rows b
    JOIN dynamic_jobs j ON j.id = b.job_id
    JOIN django_celery_beat_periodictask p ON p.id = j.periodic_task_id
    WHERE j.fired_count > b.fired_count AND j.origin = %(origin)s
    ORDER BY b.job_id LIMIT %(limit)s
    FOR NO KEY UPDATE OF b, p SKIP LOCKED
), noted AS (
    UPDATE django_celery_beat_periodictask p
    SET last_run_at = greatest(p.last_run_at, behind.ran_at), total_run_count = p.total_run_count + behind.fired,
        enabled = p.enabled AND NOT coalesce(behind.is_over, false)
    FROM behind WHERE p.id = behind.row_id
    RETURNING behind.job_id, behind.fired_count, behind.ran_at, behind.is_over
)
UPDATE beat_rows b
-- Not what the row says now: a later run in it is another beat's, and still to be found.
SET fired_count = noted.fired_count, last_run_at = greatest(b.last_run_at, noted.ran_at),
    is_enabled = b.is_enabled AND NOT coalesce(noted.is_over, false)
FROM noted WHERE b.job_id = noted.job_id
RETURNING b.job_id
"""

# A native job that is over, such as one that has run its one time: beat would run it again.
SWITCH_OFF = """
WITH over AS (
    SELECT b.job_id, p.id AS row_id
    FROM beat_rows b
    JOIN dynamic_jobs j ON j.id = b.job_id
    JOIN django_celery_beat_periodictask p ON p.id = j.periodic_task_id
    WHERE j.origin = 'native' AND j.next_tick_at IS NULL AND b.is_enabled AND p.enabled
    FOR NO KEY UPDATE OF b, p SKIP LOCKED
), switched AS (
    UPDATE django_celery_beat_periodictask p SET enabled = false FROM over WHERE p.id = over.row_id
)
UPDATE beat_rows b SET is_enabled = false FROM over WHERE b.job_id = over.job_id
"""

# Notes from before our lead are of a time when someone else was meant to run the rows.
MOVED = """
SELECT j.id AS job_id, p.last_run_at, p.last_run_at > l.acquired_at + %(slack)s AS is_current
FROM beat_rows b
JOIN dynamic_jobs j ON j.id = b.job_id
JOIN django_celery_beat_periodictask p ON p.id = j.periodic_task_id
LEFT JOIN scheduler_leases l ON l.name = 'scheduler'
WHERE p.last_run_at > coalesce(b.last_run_at, '-infinity')
ORDER BY j.id
"""

ACKNOWLEDGE = """
UPDATE beat_rows b SET last_run_at = v.at
FROM unnest(%(job)s::bigint[], %(at)s::timestamptz[]) AS v(job_id, at)
WHERE b.job_id = v.job_id AND v.at > coalesce(b.last_run_at, '-infinity')
"""

CLOCKS_DIFFER = timedelta(seconds=5)
BATCH = 500


@dataclass(frozen=True)
class ForeignRun:
    """A note in a row that was not ours: another beat ran it."""

    job_id: int
    last_run_at: datetime
    is_current: bool | None  # since the present leader leads


def note_runs(origin: Origin) -> int:
    """Write down in the rows what was fired since. Returns how many rows."""
    total = 0
    while True:
        noted = len(sql.rows(NOTE, {"origin": origin.value, "limit": BATCH}))
        total += noted
        if noted < BATCH:
            return total


def switch_off_what_is_over() -> None:
    sql.rows(SWITCH_OFF)


def find_foreign_runs() -> Sequence[ForeignRun]:
    return [ForeignRun(**row) for row in sql.rows(MOVED, {"slack": CLOCKS_DIFFER})]


def acknowledge(runs: Sequence[ForeignRun]) -> None:
    """From now on these notes are known."""
    if runs:
        sql.rows(ACKNOWLEDGE, {"job": [run.job_id for run in runs], "at": [run.last_run_at for run in runs]})
