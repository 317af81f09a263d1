"""The pure rule list: what becomes of each due occurrence, and why. *Explain* runs this same list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec, latest, next_occurrence, occurrences
from jobs.rules.states import FIRING, Misfire, Mode, Overlap, TickOutcome

JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True)
class JobFacts:
    """All that the rules may look at."""

    job_id: int
    spec: ScheduleSpec
    policy: JobPolicy
    next_tick_at: datetime
    fired_count: int = 0
    is_paused: bool = False
    mode: Mode = Mode.LIVE
    closing: str = ""  # the reason, when the job is being disabled or archived
    active: tuple[int, ...] = ()  # ids of its queued and running executions, oldest first


@dataclass(frozen=True)
class TickDecision:
    due_at: datetime
    outcome: TickOutcome
    reason: str = ""
    blocking_id: int | None = None
    blocking_due_at: datetime | None = None  # blocked by, or coalesced into, another tick of the same plan
    replaces: bool = False

    @property
    def fires(self) -> bool:
        return self.outcome in FIRING


@dataclass(frozen=True)
class JobPlan:
    decisions: tuple[TickDecision, ...]
    next_tick_at: datetime | None
    is_complete: bool  # nothing up to now is left undecided


@dataclass(frozen=True)
class Verdict:
    """A rule's answer when it does not let the tick fire."""

    outcome: TickOutcome
    reason: str
    blocking_id: int | None = None
    blocking_due_at: datetime | None = None


@dataclass(frozen=True)
class Moment:
    """One due occurrence, seen from now."""

    facts: JobFacts
    due_at: datetime
    now: datetime
    newer: int  # how many newer occurrences are due as well (exact below the misfire cap)
    newest: datetime
    fired: tuple[datetime, ...]  # ticks of this plan that fire before it

    @property
    def is_late(self) -> bool:
        return self.now - self.due_at > timedelta(seconds=self.facts.policy.late_after_seconds)


Rule = Callable[[Moment], Verdict | None]


def closing(moment: Moment) -> Verdict | None:
    """The job is being disabled or archived: what was still undecided is missed."""
    reason = moment.facts.closing
    return Verdict(TickOutcome.MISSED, reason) if reason else None


def observed(moment: Moment) -> Verdict | None:
    return Verdict(TickOutcome.SHADOW, "observe") if moment.facts.mode is Mode.OBSERVE else None


def paused(moment: Moment) -> Verdict | None:
    return Verdict(TickOutcome.SKIPPED, "paused") if moment.facts.is_paused else None


def misfire(moment: Moment) -> Verdict | None:
    """Late occurrences run by the job's policy: none of them, only the newest, or all up to a cap."""
    if not moment.is_late:
        return None
    policy = moment.facts.policy
    if moment.now - moment.due_at > timedelta(seconds=policy.misfire_window_seconds):
        return Verdict(TickOutcome.MISSED, "misfire_window")
    if policy.misfire is Misfire.NONE:
        return Verdict(TickOutcome.MISSED, "misfire_none")
    if policy.misfire is Misfire.LAST and moment.newer:
        return Verdict(TickOutcome.COALESCED, "misfire_last", blocking_due_at=moment.newest)
    if policy.misfire is Misfire.ALL and moment.newer >= policy.misfire_cap:
        return Verdict(TickOutcome.MISSED, "misfire_cap")
    return None


# How many executions may wait besides those that run; policies that are not here look at no other execution.
ROOM = {Overlap.SKIP: 0, Overlap.QUEUE_ONE: 1}


def overlap(moment: Moment) -> Verdict | None:
    """Earlier runs that have not ended stand in the way, as far as the job's policy says."""
    facts = moment.facts
    room = ROOM.get(facts.policy.overlap)
    if room is None:
        return None
    in_the_way = len(facts.active) + len(moment.fired)
    if in_the_way < (facts.policy.slots or 1) + room:
        return None
    if facts.active:
        return Verdict(TickOutcome.SKIPPED, "overlap", blocking_id=facts.active[0])
    return Verdict(TickOutcome.SKIPPED, "overlap", blocking_due_at=moment.fired[0])


# In this order; the first that blocks gives the outcome and the reason.
RULES: tuple[tuple[str, Rule], ...] = (
    ("closing", closing),
    ("observed", observed),
    ("paused", paused),
    ("misfire", misfire),
    ("overlap", overlap),
)


def decide(moment: Moment) -> TickDecision:
    for _, rule in RULES:
        if verdict := rule(moment):
            return TickDecision(
                moment.due_at, verdict.outcome, verdict.reason, verdict.blocking_id, verdict.blocking_due_at
            )
    outcome = TickOutcome.LATE if moment.is_late else TickOutcome.FIRED
    return TickDecision(moment.due_at, outcome, replaces=moment.facts.policy.overlap is Overlap.REPLACE)


def plan(facts: JobFacts, *, now: datetime, limit: int) -> JobPlan:
    """Decide the occurrences from `next_tick_at` up to now, at most `limit` of them."""
    decisions: list[TickDecision] = []
    fired: list[datetime] = []
    after = facts.next_tick_at - JUST_BEFORE
    for due_at, newer, newest in _ranked(facts, after, now, limit):
        if _is_used_up(facts, len(fired)):
            return JobPlan(tuple(decisions), None, is_complete=True)
        decision = decide(Moment(facts, due_at, now, newer, newest, tuple(fired)))
        decisions.append(decision)
        if decision.fires:
            fired.append(due_at)
    if _is_used_up(facts, len(fired)):
        return JobPlan(tuple(decisions), None, is_complete=True)
    upto = decisions[-1].due_at if decisions else after
    following = next_occurrence(facts.spec, upto)
    return JobPlan(tuple(decisions), following, is_complete=following is None or following > now)


def first_tick_after(
    spec: ScheduleSpec, policy: JobPolicy, *, after: datetime, fired_count: int = 0
) -> datetime | None:
    """Where the schedule goes on, or None when it is used up."""
    if policy.max_runs is not None and fired_count >= policy.max_runs:
        return None
    return next_occurrence(spec, after)


def _is_used_up(facts: JobFacts, fired: int) -> bool:
    return facts.policy.max_runs is not None and facts.fired_count + fired >= facts.policy.max_runs


def _ranked(facts: JobFacts, after: datetime, now: datetime, limit: int) -> Iterator[tuple[datetime, int, datetime]]:
    """Each due occurrence with how many newer ones are due, and the newest."""
    due = list(islice(occurrences(facts.spec, after, now), limit))
    if not due:
        return
    # What lies beyond the limit is not listed, only its tail: a policy never asks for more than its cap.
    tail = latest(facts.spec, due[-1], now, facts.policy.misfire_cap)
    newest = tail[-1] if tail else due[-1]
    for position, due_at in enumerate(due):
        yield due_at, len(due) - 1 - position + len(tail), newest
