"""Which runs a job would have in a window: what is due, and what a pause, a calendar or maintenance holds back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from jobs.facts import Surroundings
from jobs.models import Job
from jobs.planner import ADMISSION, JobFacts, Moment, first_verdict
from jobs.rules.schedule import occurrences

# A minute's schedule has 43,200 occurrences in thirty days.
MOST = 50_000


@dataclass(frozen=True)
class Runs:
    """`until` is where it was looked to: earlier than asked for where so many are due that the rest is left out."""

    due: int
    let_in: tuple[datetime, ...]
    held_back: dict[str, int] = field(default_factory=dict)
    until: datetime | None = None


def runs_of(job: Job, *, now: datetime, until: datetime) -> Runs:
    """By all rules but those of earlier runs: nobody knows yet whether they will have ended. Raises InvalidSchedule."""
    if not job.is_enabled or job.archived_at is not None:
        return Runs(0, ())
    facts = Surroundings([job], since=now, now=until).facts(job, next_tick_at=now)
    let_in: list[datetime] = []
    held_back: Counter[str] = Counter()
    left = None if facts.policy.max_runs is None else max(facts.policy.max_runs - facts.fired_count, 0)
    count, last = 0, now
    for due_at in _due(facts, now, until):
        if left is not None and len(let_in) >= left:
            break
        count, last = count + 1, due_at
        verdict = first_verdict(ADMISSION, Moment(facts, due_at, due_at))
        if verdict is None:
            let_in.append(due_at)
        else:
            held_back[verdict.reason] += 1
    return Runs(count, tuple(let_in), dict(held_back), last if count == MOST else None)


def _due(facts: JobFacts, now: datetime, until: datetime) -> Iterator[datetime]:
    return islice(occurrences(facts.spec, now, until), MOST)
