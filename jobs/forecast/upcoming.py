"""The next ticks of many jobs, merged in the order of time, each judged by the rules that let ticks in."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from jobs import planner
from jobs.facts import Surroundings
from jobs.models import Job
from jobs.planner import JobFacts, Moment, Verdict
from jobs.rules.schedule import ScheduleSpec, occurrences

MOST_JOBS = 20_000
MOST_TICKS = 100_000
JUST_BEFORE = timedelta(microseconds=1)
READ = (
    *("id", "tenant_id", "name", "template_id", "spec", "policy", "queue", "calendars", "mode", "next_tick_at"),
    *("fired_count", "paused_at", "paused_by", "pause_note", "paused_until"),
)


@dataclass(frozen=True, slots=True)
class UpcomingTick:
    job: Job
    due_at: datetime
    verdict: Verdict | None  # what will keep it from firing, as far as that is known now

    @property
    def fires(self) -> bool:
        return self.verdict is None


@dataclass(frozen=True)
class Upcoming:
    """Complete up to `until`: what is due later was left out when there are too many jobs or ticks."""

    ticks: tuple[UpcomingTick, ...]
    since: datetime
    until: datetime
    is_complete: bool  # reaches as far as was asked


def upcoming(
    jobs: QuerySet[Job],
    *,
    since: datetime,
    until: datetime,
    most_ticks: int = MOST_TICKS,
    most_jobs: int = MOST_JOBS,
) -> Upcoming:
    """The ticks of these jobs with since <= due < until, the next first."""
    most_jobs = min(most_jobs, most_ticks)  # the next so many ticks can only be of the next so many jobs
    due = jobs.filter(next_tick_at__lt=until).select_related(None).only(*READ)
    found = list(due.order_by("next_tick_at", "id")[: most_jobs + 1])
    reach = until
    if len(found) > most_jobs:
        # Those that are left out are due no earlier than the first of them.
        reach = max(min(until, _next_tick(found[most_jobs])), since)
        found = found[:most_jobs]
    ticks: list[UpcomingTick] = []
    for tick in _merged(found, since, reach):
        if len(ticks) == most_ticks:
            return Upcoming(tuple(ticks), since, tick.due_at, is_complete=False)
        ticks.append(tick)
    return Upcoming(tuple(ticks), since, reach, is_complete=reach == until)


class _Instants:
    """The due instants of one schedule in the window, walked once for all jobs that share it, and no further than one
    of them asks."""

    def __init__(self, spec: ScheduleSpec, since: datetime, until: datetime) -> None:
        self._source = occurrences(spec, since - JUST_BEFORE, until - JUST_BEFORE)
        self._walked: list[datetime] = []

    def __getitem__(self, place: int) -> datetime | None:
        while place >= len(self._walked):
            instant = next(self._source, None)
            if instant is None:
                return None
            self._walked.append(instant)
        return self._walked[place]

    def place_from(self, start: datetime) -> int:
        place = 0
        while (instant := self[place]) is not None and instant < start:
            place += 1
        return place


def _merged(jobs: Sequence[Job], since: datetime, until: datetime) -> Iterator[UpcomingTick]:
    surroundings = Surroundings(jobs, since=since, now=until, active=False)
    walks: dict[ScheduleSpec, _Instants] = {}
    heap: list[tuple[datetime, int, JobFacts, _Instants, int, float]] = []
    for number, job in enumerate(jobs):
        try:
            facts = surroundings.facts(job, next_tick_at=_next_tick(job))
            instants = walks.get(facts.spec)
            if instants is None:
                instants = walks[facts.spec] = _Instants(facts.spec, since, until)
            place = instants.place_from(facts.next_tick_at)
            first = instants[place]
        except Exception:  # noqa: BLE001, S112  what cannot be evaluated is never due; the ledger says so of the job
            continue
        if first is not None:
            heap.append((first, number, facts, instants, place, _runs_left(facts)))
    heapq.heapify(heap)
    while heap:
        due_at, number, facts, instants, place, left = heap[0]
        verdict = planner.first_verdict(planner.ADMISSION, Moment(facts, due_at, due_at))
        yield UpcomingTick(jobs[number], due_at, verdict)
        left -= verdict is None
        following = instants[place + 1] if left > 0 else None
        if following is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (following, number, facts, instants, place + 1, left))


def _runs_left(facts: JobFacts) -> float:
    most = facts.policy.max_runs
    return math.inf if most is None else most - facts.fired_count


def _next_tick(job: Job) -> datetime:
    assert job.next_tick_at is not None
    return job.next_tick_at
