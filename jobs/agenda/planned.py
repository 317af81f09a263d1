"""The future of the axis, job by job: each instant with what will hold it back, or a band where there are too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from jobs import planner
from jobs.facts import Surroundings
from jobs.models import Job
from jobs.planner import JobFacts, Moment
from jobs.rules.schedule import occurrences

MOST_MARKS = 500  # of one job; more are a band
JUDGED = 60  # places of a band that are looked at
JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True)
class Planned:
    """Of one job. Of a band, `due` and `held` are the beginnings of its stretches, `stretch` long each."""

    due: tuple[datetime, ...] = ()
    held: tuple[datetime, ...] = ()
    is_band: bool = False
    stretch: timedelta = timedelta()
    closed: tuple[tuple[datetime, datetime, str], ...] = field(default=())  # blackouts and maintenance


def plan_rows(jobs: Sequence[Job], *, since: datetime, until: datetime) -> dict[int, Planned]:
    """The jobs as `upcoming` reads them. One that cannot be evaluated has nothing planned."""
    surroundings = Surroundings(jobs, since=since, now=until, active=False)
    found: dict[int, Planned] = {}
    for job in jobs:
        try:
            found[job.pk] = _plan(surroundings.facts(job, next_tick_at=job.next_tick_at or until), since, until)
        except Exception:  # noqa: BLE001  the ledger says so of the job
            found[job.pk] = Planned()
    return found


def _plan(facts: JobFacts, since: datetime, until: datetime) -> Planned:
    closed = _closed(facts, since, until)
    start = max(since, facts.next_tick_at)
    if start >= until:
        return Planned(closed=closed)
    policy = facts.policy
    left = MOST_MARKS + 1 if policy.max_runs is None else max(policy.max_runs - facts.fired_count, 0)
    due = list(islice(occurrences(facts.spec, start - JUST_BEFORE, until - JUST_BEFORE), min(left, MOST_MARKS + 1)))
    is_band = len(due) > MOST_MARKS
    stretch = (until - start) / JUDGED
    if is_band:
        due = [start + number * stretch for number in range(JUDGED)]
    held = tuple(at for at in due if planner.first_verdict(planner.ADMISSION, Moment(facts, at, at)) is not None)
    kept = set(held)
    return Planned(tuple(at for at in due if at not in kept), held, is_band, stretch, closed)


def _closed(facts: JobFacts, since: datetime, until: datetime) -> tuple[tuple[datetime, datetime, str], ...]:
    windows = [
        *((starts, ends, name) for calendar in facts.calendars for starts, ends, name in calendar.blackouts),
        *((window.started_at, window.ends_at or until, window.note) for window in facts.maintenance),
    ]
    return tuple(
        (max(starts, since), min(ends, until), name)
        for starts, ends, name in windows
        if starts < until and ends > since
    )
