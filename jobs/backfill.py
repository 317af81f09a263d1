"""Backfills: a past window of a job is run again. Its ticks stay as they were; `recovery.backfills` queues the runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from jobs import executions, trail
from jobs.definition import InvalidJob
from jobs.executions import JobIsArchived
from jobs.models import Backfill, BackfillRun, Job, Tick
from jobs.rules.schedule import InvalidSchedule, latest, occurrences
from jobs.rules.states import BackfillStatus, TickOutcome
from jobs.runtime_flags import require_scheduler
from scheduler_project.lib import sql, telemetry, transactions

MOST = 1_000
MOST_AT_ONCE = 100
# How many occurrences of a window are looked at for those with the outcomes that are asked for: two months of minutes.
MOST_WALKED = 100_000
JUST_BEFORE = timedelta(microseconds=1)
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)  # nothing is due before

UNRECORDED = "unrecorded"  # the ledger has no tick for it: the job did not exist yet, or was disabled
OUTCOMES = (*(outcome.value for outcome in TickOutcome), UNRECORDED)
NOT_RUN = (TickOutcome.SKIPPED.value, TickOutcome.MISSED.value)


class BackfillIsRunning(Exception):
    """The job has one already. Their paces would add up, and asking twice would run everything twice."""


class BackfillHasEnded(Exception):
    """It is done or cancelled; nothing of it can be cancelled any more."""


@dataclass(frozen=True)
class PlannedRun:
    """An instant that would run again, and what the ledger has for it."""

    due_at: datetime
    outcome: str
    reason: str = ""
    execution_id: int | None = None  # what its tick fired
    backfilled_by: int | None = None  # the newest backfill that ran it before


@dataclass(frozen=True)
class Plan:
    since: datetime
    until: datetime
    runs: tuple[PlannedRun, ...]
    revision: int  # of the job, whose schedule and parameters they have


@dataclass(frozen=True)
class Progress:
    """How many runs of a backfill are where. They add up to `total`."""

    total: int
    left: int  # not queued yet, and never any more once the backfill was cancelled
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int


def plan(
    job: Job,
    since: datetime,
    until: datetime,
    *,
    only: Collection[str] | None = None,
    newest: int | None = None,
) -> Plan:
    """What `start` would run: the instants from `since` to `until`, both included, that the job's present schedule has.

    `only` keeps those whose tick has one of these OUTCOMES, `newest` so many from the end. Instants that the scheduler
    has still to decide are left to it. Raises `InvalidJob`, `JobIsArchived`.
    """
    if job.archived_at is not None:
        raise JobIsArchived(f"{job.name} is archived; it cannot run any more.")
    _refuse_window(since, until, only, newest)
    if job.next_tick_at is not None:
        until = min(until, job.next_tick_at - JUST_BEFORE)
    due = _due(job, since, until, bound=MOST_WALKED if only else MOST, newest=newest)
    recorded = _recorded(job, since, until, only) if due else {}
    if only and UNRECORDED not in only:
        due = [due_at for due_at in due if due_at in recorded]
    again = _run_before(job, since, until) if due else {}
    runs = [
        PlannedRun(due_at, *recorded.get(due_at, (UNRECORDED, "", None)), backfilled_by=again.get(due_at))
        for due_at in due
    ]
    if only:
        runs = [run for run in runs if run.outcome in only]
    if newest is not None:
        runs = runs[-newest:]
    if len(runs) > MOST:
        raise _too_many(f"{len(runs):,}", runs[MOST - 1].due_at)
    return Plan(since, until, tuple(runs), job.revision)


def start(
    job: Job,
    *,
    since: datetime,
    until: datetime,
    actor: str,
    at_once: int = 1,
    dry_run: bool = False,
    only: Collection[str] | None = None,
    newest: int | None = None,
    note: str = "",
    request_id: str = "",
) -> Backfill:
    """Store what `plan` says; the leader queues the runs, oldest first, never more than `at_once` at a time.

    Raises `InvalidJob`, `JobIsArchived`, `BackfillIsRunning`.
    """
    if not 1 <= at_once <= MOST_AT_ONCE:
        raise InvalidJob({"at_once": [f"Write a whole number from 1 to {MOST_AT_ONCE}."]})
    if dry_run and not job.template.supports_dry_run:
        raise InvalidJob({"dry_run": [f"The template {job.template.name} has no dry run."]})
    with transactions.engine():
        require_scheduler(actor)
        job = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
        planned = plan(job, since, until, only=only, newest=newest)
        running = Backfill.objects.filter(job=job, status=BackfillStatus.RUNNING).first()
        if running is not None:
            raise BackfillIsRunning(f"{running} of {job.name} is still running. Wait for its end, or cancel it.")
        if not planned.runs:
            raise InvalidJob({"since": ["Nothing was due in this window that could run again; write another."]})
        backfill = Backfill.objects.create(
            tenant_id=job.tenant_id,
            job=job,
            since=since,
            until=until,
            at_once=at_once,
            dry_run=dry_run,
            requested_by=actor,
            request_id=request_id,
            note=note,
            created_at=sql.now(),
        )
        BackfillRun.objects.bulk_create(BackfillRun(backfill=backfill, due_at=run.due_at) for run in planned.runs)
        wishes = {"since": since, "until": until, "runs": len(planned.runs), "at_once": at_once, "dry_run": dry_run}
        after = {"job": job.pk, **wishes, "only": sorted(only or ())}
        trail.tell("backfill.started", backfill, actor=actor, after=after, note=note, name=job.name)
    telemetry.emit("backfill.started", backfill=backfill.pk, job=job.name, actor=actor, runs=len(planned.runs))
    return backfill


def cancel(backfill_id: int, *, actor: str) -> None:
    """Queue no further runs and end those that wait; what runs goes on. Raises `BackfillHasEnded`."""
    with transactions.engine():
        backfill = Backfill.objects.select_for_update(of=("self",)).select_related("job").get(pk=backfill_id)
        if backfill.status != BackfillStatus.RUNNING:
            raise BackfillHasEnded(f"{backfill} has ended already; it is {backfill.status}.")
        now = sql.now()
        end(backfill, BackfillStatus.CANCELLED, now=now)
        started = backfill.runs.filter(execution_id__isnull=False).values_list("execution_id", flat=True)
        executions.cancel_unstarted(
            [execution_id for execution_id in started if execution_id is not None],
            by=actor,
            now=now,
            reason="backfill_cancelled",
        )
        trail.tell("backfill.cancelled", backfill, actor=actor, name=backfill.job.name)
    telemetry.emit("backfill.cancelled", backfill=backfill.pk, job=backfill.job.name, actor=actor)


def end(backfill: Backfill, status: BackfillStatus, *, now: datetime) -> None:
    """Of one that the caller has locked."""
    backfill.status, backfill.finished_at = status.value, now
    backfill.save(update_fields=["status", "finished_at"])


COUNT = """
SELECT r.backfill_id, coalesce(e.status, 'left') AS status, count(*) AS count
FROM backfill_runs r LEFT JOIN job_executions e ON e.id = r.execution_id
WHERE r.backfill_id = ANY (%(backfills)s::bigint[])
GROUP BY r.backfill_id, e.status
"""
COUNTED = ("left", "queued", "running", "succeeded", "cancelled")


def progress(backfill: Backfill) -> Progress:
    return progress_of([backfill.pk])[backfill.pk]


def progress_of(backfill_ids: Sequence[int]) -> dict[int, Progress]:
    """How far each of these is."""
    counts: dict[int, dict[str, int]] = {backfill_id: {} for backfill_id in backfill_ids}
    for row in sql.rows(COUNT, {"backfills": list(backfill_ids)}):
        counts[row["backfill_id"]][row["status"]] = row["count"]
    return {backfill_id: _progress(found) for backfill_id, found in counts.items()}


def _progress(counts: Mapping[str, int]) -> Progress:
    """Whatever has ended, but neither well nor on request, has failed. Executions that are no longer kept count as
    left."""
    total, known = sum(counts.values()), {name: counts.get(name, 0) for name in COUNTED}
    return Progress(total=total, failed=total - sum(known.values()), **known)


def _refuse_window(since: datetime, until: datetime, only: Collection[str] | None, newest: int | None) -> None:
    problems: dict[str, list[str]] = {}
    if since < BEGINNING:
        problems["since"] = ["Lies before 1900; write a later instant."]
    if until < since:
        problems["until"] = ["Lies before `since`; write a later instant."]
    elif until > sql.now():
        problems["until"] = ["Lies in the future; a backfill is of what is past. Write an earlier instant."]
    if unknown := [word for word in only or () if word not in OUTCOMES]:
        problems["only"] = [f"{', '.join(map(repr, unknown))}: unknown. Known are {', '.join(OUTCOMES)}."]
    if newest is not None and not 1 <= newest <= MOST:
        problems["newest"] = [f"Write a whole number from 1 to {MOST}."]
    if problems:
        raise InvalidJob(problems)


def _due(job: Job, since: datetime, until: datetime, *, bound: int, newest: int | None) -> Sequence[datetime]:
    try:
        if newest is not None:
            return latest(job.schedule, since - JUST_BEFORE, until, MOST_WALKED)
        due = list(islice(occurrences(job.schedule, since - JUST_BEFORE, until), bound + 1))
    except InvalidSchedule as error:
        raise InvalidJob({"schedule": [f"The job's schedule cannot be evaluated: {error}"]}) from error
    if len(due) > bound:
        raise _too_many(f"more than {bound:,}", due[bound - 1])
    return due


def _too_many(count: str, last_allowed: datetime) -> InvalidJob:
    return InvalidJob(
        {
            "until": [
                f"The job was due {count} times in this window; a backfill runs {MOST:,} at most. Write an `until` not "
                f"after {last_allowed.isoformat().replace('+00:00', 'Z')}, or narrow it by outcome with `only`."
            ]
        }
    )


Recorded = dict[datetime, tuple[str, str, int | None]]


def _recorded(job: Job, since: datetime, until: datetime, only: Collection[str] | None) -> Recorded:
    """Outcome, reason and execution of the ticks in the window, no more of them than are asked for."""
    ticks = Tick.objects.filter(job=job, due_at__range=(since, until))
    if only and UNRECORDED not in only:
        ticks = ticks.filter(outcome__in=only)
    found = ticks.order_by().values_list("due_at", "outcome", "reason", "execution_id")
    return {due_at: (outcome, reason, execution_id) for due_at, outcome, reason, execution_id in found}


def _run_before(job: Job, since: datetime, until: datetime) -> dict[datetime, int]:
    """The instants that earlier backfills ran for good, and by which."""
    earlier = BackfillRun.objects.filter(
        backfill__job=job, backfill__dry_run=False, due_at__range=(since, until), execution_id__isnull=False
    )
    return dict(earlier.order_by("backfill_id").values_list("due_at", "backfill_id"))
