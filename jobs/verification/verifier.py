"""Verifies the whole ledger, or a part of it: job after job, in short read-only transactions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import islice

from jobs.rules.schedule import ScheduleSpec, occurrences
from jobs.verification import reading
from jobs.verification.compare import compare
from jobs.verification.expected import INSTANT
from jobs.verification.findings import Comparison, History, RecordedTick
from jobs.verification.reading import Kept
from jobs.verification.report import Report
from scheduler_project.lib import sql

BATCH = 100  # jobs per snapshot
FIRST_PAGE = 500  # ticks of each that are read together with it
MOST_UNDECIDED = 1_000_000  # counted of a job that is far behind


def verify(
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    job_id: int | None = None,
    now: datetime | None = None,
    tell: Callable[[int, int], None] = lambda jobs, ticks: None,
) -> Report:
    """Everything that is kept, or since <= due < until of it. `now` is the database's, except in tests; `tell` is
    called with the jobs and ticks so far."""
    report, kept = None, reading.kept()
    while report is None:
        report = Report(max(since or kept.since, kept.since), min(until or now or sql.now(), now or sql.now()))
        after, batch = 0, BATCH
        while batch == BATCH:
            after, batch = _verify_batch(report, kept, after=after, until=until, job_id=job_id, now=now)
            tell(report.jobs, report.sums.recorded)
        if kept != (kept := reading.kept()):
            report = None  # meanwhile the oldest part was dropped: what was missing of it proves nothing
    return report


def _verify_batch(
    report: Report, kept: Kept, *, after: int, until: datetime | None, job_id: int | None, now: datetime | None
) -> tuple[int, int]:
    """Returns the last job's id and how many there were. Job, revisions and first ticks are of one snapshot, so that a
    running scheduler and changes that are being written never look like a difference."""
    end = reading.END if until is None else until - INSTANT
    with reading.snapshot():
        rows = reading.job_rows(after=after, limit=BATCH, only=job_id)
        if not rows:
            return after, 0
        since = {row["id"]: report.since for row in rows}
        histories = reading.histories(rows, since, now=now or sql.now())
        pages = reading.ticks_of(since, until=end, limit=FIRST_PAGE, first_execution=kept.first_execution)
        stray = reading.executions_without_tick(since, since=report.since, until=end)
    names = {history.job_id: history.name for history in histories}
    for history in histories:
        _verify_job(report, kept, history, pages.pop(history.job_id), until=end)
        report.jobs += 1
    for violation in stray:
        report.sums.kinds[violation.kind] += 1
        report.accuse(violation, names[violation.job_id])
    return rows[-1]["id"], len(rows)


def _verify_job(report: Report, kept: Kept, history: History, page: list[RecordedTick], *, until: datetime) -> None:
    ticks = reading.further_ticks(
        history.job_id, page, limit=FIRST_PAGE, until=until, first_execution=kept.first_execution
    )
    for found in compare(history, ticks, until=until):
        if isinstance(found, Comparison):
            report.sums.add(found)
        else:
            report.accuse(found, history.name)
    _look_at_undecided(report, history, until)


def _look_at_undecided(report: Report, history: History, until: datetime) -> None:
    """What is due and that nobody has decided yet: no violation, but told."""
    cursor, end = history.cursor, min(history.now, until)
    if cursor is None or cursor > end or not history.revisions:
        return
    report.jobs_undecided += 1
    report.jobs_quarantined += history.undecided_since is not None
    report.furthest_behind = max(report.furthest_behind, history.now - cursor)
    try:
        due = occurrences(ScheduleSpec.from_json(history.revisions[-1].schedule), cursor - INSTANT, end)
        report.undecided += sum(1 for _ in islice(due, MOST_UNDECIDED))
    except Exception:  # noqa: BLE001  quarantined: its schedule cannot be evaluated
        report.undecided += 1
