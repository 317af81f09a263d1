"""A job's next ticks, each with what would skip it as things stand now: maintenance, a pause, a calendar."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from jobs import facts, planner
from jobs.facts import Surroundings
from jobs.models import Calendar, Job
from jobs.planner import JobFacts, Pause, Verdict
from jobs.rules import preview as rules
from jobs.rules.clock_changes import ClockChangeNote
from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec


@dataclass(frozen=True)
class NextTick:
    due_at: datetime
    local: datetime
    skipped: Verdict | None  # None: it fires, as far as anybody can say now


@dataclass(frozen=True)
class Outlook:
    text: str
    timezone: str
    ticks: tuple[NextTick, ...]
    clock_changes: tuple[ClockChangeNote, ...]


def of_job(job: Job, *, now: datetime, count: int) -> Outlook:
    """Up to the last run that the job has left. Raises InvalidSchedule."""
    surroundings = Surroundings([job], since=now, now=now)
    return _judged(surroundings.facts(job, next_tick_at=now), now=now, count=count)


def of_spec(
    spec: ScheduleSpec,
    *,
    now: datetime,
    count: int,
    tenant_id: int | None = None,
    calendars: Iterable[str] = (),
    pause: Pause | None = None,
) -> Outlook:
    """Of a schedule that is not stored yet, with the calendars of the tenant that it would have."""
    named = list(calendars)
    found = []
    if named and tenant_id is not None:
        found = list(Calendar.objects.filter(tenant_id=tenant_id, slug__in=named).prefetch_related("blackouts"))
    given = JobFacts(
        job_id=0,
        spec=spec,
        policy=JobPolicy(),
        next_tick_at=now,
        pause=pause,
        calendars=tuple(facts.rules_of(calendar) for calendar in found),
        switched_off=facts.switched_off(),
        maintenance=facts.maintenance_windows(now, now),
    )
    return _judged(given, now=now, count=count)


def _judged(given: JobFacts, *, now: datetime, count: int) -> Outlook:
    found = rules.preview(given.spec, after=now, count=count)
    ticks = tuple(
        NextTick(
            due.due_at, due.local, planner.first_verdict(planner.ADMISSION, planner.Moment(given, due.due_at, now))
        )
        for due in found.ticks
    )
    return Outlook(found.text, found.timezone, _up_to_the_last_run(given, ticks), found.clock_changes)


def _up_to_the_last_run(given: JobFacts, ticks: tuple[NextTick, ...]) -> tuple[NextTick, ...]:
    most = given.policy.max_runs
    if most is None:
        return ticks
    left = most - given.fired_count
    for position, tick in enumerate(ticks):
        if left <= 0:
            return ticks[:position]
        left -= tick.skipped is None
    return ticks
