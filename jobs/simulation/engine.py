"""Lets the planner decide, job by job, whenever a tick is due and somebody leads. Plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from jobs import planner
from jobs.planner import JUST_BEFORE, JobFacts, Pause, TickDecision
from jobs.rules.calendar import CalendarRules, MaintenanceWindow
from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec, load_zone, occurrences
from jobs.rules.states import Mode
from jobs.rules.zones import EPOCH
from jobs.simulation.leading import LEASE, Lead, Outage, first_led, leads
from jobs.simulation.runs import Runs

MOST_AT_ONCE = 5_000


@dataclass(frozen=True)
class SimulatedJob:
    name: str
    spec: ScheduleSpec
    policy: JobPolicy = field(default_factory=JobPolicy)
    duration: timedelta = timedelta(seconds=1)
    fired_count: int = 0
    pause: Pause | None = None
    mode: Mode = Mode.LIVE
    calendars: tuple[CalendarRules, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """A row of the ledger that would be."""

    job: str
    due_at: datetime
    local: datetime  # the same instant on the job's wall clock, with its offset
    outcome: str
    reason: str
    decided_at: datetime
    epoch: int
    blocked_by: datetime | None = None  # the due instant of the run that stood in the way or stands for it


@dataclass(frozen=True)
class Simulated:
    start: datetime
    end: datetime
    leads: tuple[Lead, ...]
    ledger: tuple[Recorded, ...]  # by instant, then by job
    undecided: dict[str, int]  # due before the end, by job, and nobody led any more
    expired: dict[str, int]  # fired runs that did not start before their deadline

    def counts(self) -> dict[str, Counter[str]]:
        """By job, how many ticks have which outcome and reason."""
        found: dict[str, Counter[str]] = {}
        for row in self.ledger:
            words = f"{row.outcome} ({row.reason})" if row.reason else row.outcome
            found.setdefault(row.job, Counter())[words] += 1
        return found


def simulate(
    jobs: Iterable[SimulatedJob],
    start: datetime,
    end: datetime,
    *,
    schedulers: int = 2,
    outages: Sequence[Outage] = (),
    maintenance: Sequence[MaintenanceWindow] = (),
    lease: timedelta = LEASE,
) -> Simulated:
    """What would be due from `start` to `end`, both included, and what would become of it. Raises InvalidSchedule.

    A turn takes no time, publishing and workers neither: a run starts as soon as its job has a slot.
    """
    led = leads(start, end, schedulers=schedulers, outages=outages, lease=lease)
    ledger: list[Recorded] = []
    undecided: dict[str, int] = {}
    expired: dict[str, int] = {}
    for number, job in enumerate(jobs, start=1):
        course = _Course(number, job, tuple(maintenance), led)
        ledger += course.decide(start, end)
        if left := course.left(end):
            undecided[job.name] = left
        if course.runs.expired:
            expired[job.name] = course.runs.expired
    ledger.sort(key=lambda row: (row.due_at, row.job))
    return Simulated(start, end, led, tuple(ledger), undecided, expired)


class _Course:
    """One job on its way through the window."""

    def __init__(
        self, number: int, job: SimulatedJob, maintenance: tuple[MaintenanceWindow, ...], led: Sequence[Lead]
    ) -> None:
        self.job = job
        self.runs = Runs(slots=job.policy.slots, duration=job.duration)
        self._led = led
        self._zone = load_zone(job.spec.timezone)
        self._fired: list[datetime] = []  # the due instant of each run; its place is the run's id
        self._next: datetime | None = None
        self._facts = JobFacts(
            job_id=number,
            spec=job.spec,
            policy=job.policy,
            next_tick_at=led[0].since if led else EPOCH,
            pause=job.pause,
            mode=job.mode,
            calendars=job.calendars,
            maintenance=maintenance,
        )

    def decide(self, start: datetime, end: datetime) -> Iterator[Recorded]:
        job = self.job
        self._next = planner.first_tick_after(
            job.spec, job.policy, after=start - JUST_BEFORE, fired_count=job.fired_count
        )
        while self._next is not None and self._next <= end:
            turn = first_led(self._led, self._next)
            if turn is None:
                return
            now, epoch = turn
            facts = replace(
                self._facts,
                next_tick_at=self._next,
                fired_count=job.fired_count + len(self._fired),
                active=self.runs.active(now),
            )
            plan = planner.plan(facts, now=now, limit=MOST_AT_ONCE)
            for decision in plan.decisions:
                yield self._record(decision, now, epoch)
            self._next = plan.next_tick_at

    def left(self, end: datetime) -> int:
        if self._next is None or self._next > end:
            return 0
        return sum(1 for _ in occurrences(self.job.spec, self._next - JUST_BEFORE, end))

    def _record(self, decision: TickDecision, now: datetime, epoch: int) -> Recorded:
        blocked_by = decision.blocking_due_at
        if decision.blocking_id is not None:
            blocked_by = self._fired[decision.blocking_id]
        if decision.fires:
            deadline = self.job.policy.start_deadline_at(decision.due_at)
            self.runs.add(len(self._fired), now=now, deadline=deadline, replaces=decision.replaces)
            self._fired.append(decision.due_at)
        return Recorded(
            self.job.name,
            decision.due_at,
            decision.due_at.astimezone(self._zone),
            decision.outcome.value,
            decision.reason,
            now,
            epoch,
            blocked_by,
        )
