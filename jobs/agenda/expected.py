"""How much many jobs will do in each stretch of time: counted by schedule, since many jobs share theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs import planner
from jobs.facts import Surroundings
from jobs.models import Job
from jobs.planner import JobFacts, Moment
from jobs.rules.counting import Found, due_in_stretches
from jobs.rules.schedule import ScheduleSpec

MOST_STEPS = 150_000


@dataclass
class Expected:
    """By stretch. What a calendar, a pause or a maintenance leaves out is judged by the first run of each stretch."""

    edges: Sequence[datetime]
    fires: list[int]
    held: list[int]
    by_job: list[tuple[Job, frozenset[int]]]  # the stretches in which each will run
    left_out: int = 0  # jobs that were not counted: too much is due

    @property
    def total(self) -> int:
        return sum(self.fires)


def expect(jobs: Sequence[Job], edges: Sequence[datetime], *, most: int = MOST_STEPS) -> Expected:
    """The jobs as `upcoming` reads them. What cannot be evaluated is due at no time, as for the scheduler."""
    found = Expected(edges, [0] * (len(edges) - 1), [0] * (len(edges) - 1), [])
    surroundings = Surroundings(jobs, since=edges[0], now=edges[-1], active=False)
    shared: dict[ScheduleSpec, Found | None] = {}
    steps = 0
    for job in jobs:
        try:
            assert job.next_tick_at is not None
            facts = surroundings.facts(job, next_tick_at=job.next_tick_at)
            if facts.spec not in shared:
                stretches, taken = due_in_stretches(facts.spec, edges, most=most - steps)
                steps += taken
                shared[facts.spec] = None if steps > most else stretches
            due = shared[facts.spec]
        except Exception:  # noqa: BLE001, S112  the ledger says so of the job
            continue
        if due is None:
            found.left_out += 1
            continue
        found.by_job.append((job, _add(found, facts, due)))
    return found


def _add(found: Expected, facts: JobFacts, due: Found) -> frozenset[int]:
    """The stretches in which it will run."""
    always = not facts.calendars and not facts.maintenance and (facts.pause is None or facts.pause.until is None)
    is_let_in = None
    left = facts.policy.max_runs - facts.fired_count if facts.policy.max_runs is not None else None
    running = set()
    for place, (count, first) in due.items():
        if left is not None and left <= 0:
            break
        if is_let_in is None or not always:
            is_let_in = planner.first_verdict(planner.ADMISSION, Moment(facts, first, first)) is None
        counted = count if left is None else min(count, left)
        (found.fires if is_let_in else found.held)[place] += counted
        if is_let_in:
            running.add(place)
            left = None if left is None else left - counted
    return frozenset(running)


def starts_by_job(found: Expected, place: int) -> list[Job]:
    """The jobs with a run in this stretch."""
    return [job for job, due in found.by_job if place in due]


def by_place(found: Expected) -> dict[int, int]:
    """How many jobs have a run in each stretch that has any."""
    counts: defaultdict[int, int] = defaultdict(int)
    for _, due in found.by_job:
        for place in due:
            counts[place] += 1
    return counts
