"""The pure rule list: what becomes of each due occurrence, and why. *Explain* runs this same list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice

from jobs.rules.calendar import CalendarRules, MaintenanceWindow, first_closed
from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec, latest, next_occurrence, occurrences
from jobs.rules.states import FIRING, Misfire, Mode, Overlap, TickOutcome

JUST_BEFORE = timedelta(microseconds=1)
DEGRADED = "degraded"  # the reason of a tick that fired into a lower priority, for its own was full


@dataclass(frozen=True)
class Pause:
    by: str
    note: str = ""
    until: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class SwitchedOff:
    """The scheduler itself is off."""

    by: str
    text: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class Room:
    """How many more runs may wait in one priority before its queue is full."""

    priority: int
    free: int


@dataclass(frozen=True)
class JobFacts:
    """All that the rules may look at."""

    job_id: int
    spec: ScheduleSpec
    policy: JobPolicy
    next_tick_at: datetime
    fired_count: int = 0
    pause: Pause | None = None
    mode: Mode = Mode.LIVE
    closing: str = ""  # the reason, when the job is being disabled or archived
    template_problem: str = ""  # why its template cannot run, when it cannot
    calendars: tuple[CalendarRules, ...] = ()
    switched_off: SwitchedOff | None = None
    maintenance: tuple[MaintenanceWindow, ...] = ()
    active: tuple[int, ...] = ()  # ids of its queued and running executions, oldest first
    rooms: tuple[Room, ...] = ()  # where its runs may wait, the best first; none: anywhere


@dataclass(frozen=True)
class TickDecision:
    due_at: datetime
    outcome: TickOutcome
    reason: str = ""
    blocking_id: int | None = None
    blocking_due_at: datetime | None = None  # blocked by, or coalesced into, another tick of the same plan
    replaces: bool = False
    priority: int | None = None  # where its run waits, if not in the job's own priority

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
    by: str = ""  # who set what blocks
    since: datetime | None = None
    text: str = ""  # what they said of it, or what else is known
    clears_at: datetime | None = None


@dataclass(frozen=True)
class Moment:
    """One due occurrence, seen from now."""

    facts: JobFacts
    due_at: datetime
    now: datetime
    newer: int = 0  # how many newer occurrences are due and let in as well (exact below the misfire cap)
    newest: datetime | None = None
    fired: tuple[datetime, ...] = ()  # ticks of this plan that fire before it

    @property
    def is_late(self) -> bool:
        return self.now - self.due_at > timedelta(seconds=self.facts.policy.late_after_seconds)


def closing(moment: Moment) -> Verdict | None:
    """The job is being disabled or archived: what was still undecided is missed."""
    reason = moment.facts.closing
    return Verdict(TickOutcome.MISSED, reason) if reason else None


def observed(moment: Moment) -> Verdict | None:
    """The job is only watched: nothing of it runs."""
    return Verdict(TickOutcome.SHADOW, "observe") if moment.facts.mode is Mode.OBSERVE else None


def template_missing(moment: Moment) -> Verdict | None:
    """No process could run it."""
    problem = moment.facts.template_problem
    return Verdict(TickOutcome.MISSED, "template_missing", text=problem) if problem else None


def scheduler_disabled(moment: Moment) -> Verdict | None:
    """Somebody switched the scheduler off."""
    off = moment.facts.switched_off
    if off is None:
        return None
    return Verdict(TickOutcome.SKIPPED, "scheduler_disabled", by=off.by, since=off.since, text=off.text)


def maintenance(moment: Moment) -> Verdict | None:
    """The whole system is under maintenance."""
    for window in moment.facts.maintenance:
        if window.covers(moment.due_at):
            return Verdict(
                TickOutcome.SKIPPED,
                "maintenance",
                by=window.started_by,
                since=window.started_at,
                text=window.note,
                clears_at=window.ends_at,
            )
    return None


def paused(moment: Moment) -> Verdict | None:
    """Somebody paused the job."""
    pause = moment.facts.pause
    if pause is None or (pause.until is not None and moment.due_at >= pause.until):
        return None
    return Verdict(
        TickOutcome.SKIPPED, "paused", by=pause.by, since=pause.since, text=pause.note, clears_at=pause.until
    )


def calendar(moment: Moment) -> Verdict | None:
    """A calendar of the job leaves the time out."""
    closed = first_closed(moment.facts.calendars, moment.due_at)
    if closed is None:
        return None
    return Verdict(TickOutcome.SKIPPED, closed.reason, by=closed.by, text=closed.text, clears_at=closed.until)


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


def queue_full(moment: Moment) -> Verdict | None:
    """So many runs wait already that no more of them are queued."""
    rooms = moment.facts.rooms
    if not rooms or room_for(rooms, len(moment.fired)) is not None:
        return None
    return Verdict(TickOutcome.SKIPPED, "queue_full")


def room_for(rooms: Sequence[Room], taken: int) -> Room | None:
    """Where one more run can wait after `taken` others."""
    for room in rooms:
        if taken < room.free:
            return room
        taken -= room.free
    return None


@dataclass(frozen=True)
class Rule:
    name: str
    judge: Callable[[Moment], Verdict | None]
    reasons: tuple[str, ...]  # those that ticks carry when this rule has blocked them; a `*` stands for any ending


# In this order; the first that blocks gives the outcome and the reason.
ADMISSION = (
    Rule("closing", closing, ("*_at_tick", "schedule_error")),
    Rule("observed", observed, ("observe",)),
    Rule("template", template_missing, ("template_missing",)),
    Rule("scheduler_disabled", scheduler_disabled, ("scheduler_disabled",)),
    Rule("maintenance", maintenance, ("maintenance",)),
    Rule("paused", paused, ("paused",)),
    Rule("calendar", calendar, ("calendar_*",)),
)
# These look at the other ticks of the job as well, and only at those that were let in.
CONTENTION = (
    Rule("misfire", misfire, ("misfire_*",)),
    Rule("overlap", overlap, ("overlap",)),
    Rule("queue_full", queue_full, ("queue_full",)),
)
RULES = (*ADMISSION, *CONTENTION)


def first_verdict(rules: Sequence[Rule], moment: Moment) -> Verdict | None:
    for rule in rules:
        if verdict := rule.judge(moment):
            return verdict
    return None


def plan(facts: JobFacts, *, now: datetime, limit: int) -> JobPlan:
    """Decide the occurrences from `next_tick_at` up to now, at most `limit` of them."""
    decisions: list[TickDecision] = []
    fired: list[datetime] = []
    after = facts.next_tick_at - JUST_BEFORE
    for due_at, verdict, newer, newest in _ranked(facts, after, now, limit):
        if _is_used_up(facts, len(fired)):
            return JobPlan(tuple(decisions), None, is_complete=True)
        moment = Moment(facts, due_at, now, newer, newest, tuple(fired))
        decision = _decide(moment, verdict or first_verdict(CONTENTION, moment))
        decisions.append(decision)
        if decision.fires:
            fired.append(due_at)
    if _is_used_up(facts, len(fired)):
        return JobPlan(tuple(decisions), None, is_complete=True)
    upto = decisions[-1].due_at if decisions else after
    following = next_occurrence(facts.spec, upto)
    return JobPlan(tuple(decisions), following, is_complete=following is None or following > now)


def decide(moment: Moment) -> TickDecision:
    """What becomes of one occurrence."""
    return _decide(moment, first_verdict(RULES, moment))


def _decide(moment: Moment, verdict: Verdict | None) -> TickDecision:
    if verdict is not None:
        return TickDecision(
            moment.due_at, verdict.outcome, verdict.reason, verdict.blocking_id, verdict.blocking_due_at
        )
    outcome = TickOutcome.LATE if moment.is_late else TickOutcome.FIRED
    replaces = moment.facts.policy.overlap is Overlap.REPLACE
    rooms = moment.facts.rooms
    room = room_for(rooms, len(moment.fired))
    if room is None or room == rooms[0]:
        return TickDecision(moment.due_at, outcome, replaces=replaces)
    return TickDecision(moment.due_at, outcome, DEGRADED, replaces=replaces, priority=room.priority)


def first_tick_after(
    spec: ScheduleSpec, policy: JobPolicy, *, after: datetime, fired_count: int = 0
) -> datetime | None:
    """Where the schedule goes on, or None when it is used up."""
    if policy.max_runs is not None and fired_count >= policy.max_runs:
        return None
    return next_occurrence(spec, after)


def _is_used_up(facts: JobFacts, fired: int) -> bool:
    return facts.policy.max_runs is not None and facts.fired_count + fired >= facts.policy.max_runs


Ranked = tuple[datetime, Verdict | None, int, datetime | None]


def _ranked(facts: JobFacts, after: datetime, now: datetime, limit: int) -> Iterator[Ranked]:
    """Each due occurrence with the verdict that closes it out, if one does, and how many newer ones are let in."""
    due = _due(facts.spec, after, now, limit)
    if not due:
        return
    verdicts = [first_verdict(ADMISSION, Moment(facts, due_at, now)) for due_at in due]
    tail = _let_in_beyond(facts, due[-1], now)
    newer = len(tail) + verdicts.count(None)
    newest = tail[-1] if tail else _last_let_in(due, verdicts)
    for due_at, verdict in zip(due, verdicts, strict=True):
        newer -= verdict is None
        yield due_at, verdict, newer, newest


def _let_in_beyond(facts: JobFacts, after: datetime, now: datetime) -> list[datetime]:
    """What lies beyond the limit is not listed: a policy never asks for more of it than its cap. Mostly its tail tells;
    where that is closed out, the first that are let in do as well."""
    following = next_occurrence(facts.spec, after)
    if following is None or following > now:
        return []
    cap = 1 if facts.policy.misfire is Misfire.LAST else facts.policy.misfire_cap
    tail = latest(facts.spec, after, now, facts.policy.misfire_cap)
    found = [due_at for due_at in tail if first_verdict(ADMISSION, Moment(facts, due_at, now)) is None]
    return found if len(found) >= cap else list(islice(_let_in(facts, after, now), cap))


def _let_in(facts: JobFacts, after: datetime, now: datetime) -> Iterator[datetime]:
    """Those that are let in, from the oldest on. One step passes all that is closed out for the same reason."""
    due_at = next_occurrence(facts.spec, after)
    while due_at is not None and due_at <= now:
        verdict = first_verdict(ADMISSION, Moment(facts, due_at, now))
        if verdict is None:
            yield due_at
            due_at = next_occurrence(facts.spec, due_at)
        elif verdict.clears_at is None:
            return
        else:
            due_at = next_occurrence(facts.spec, max(due_at, verdict.clears_at - JUST_BEFORE))


@lru_cache(maxsize=1024)  # many jobs share a schedule, and stood still just as long
def _due(spec: ScheduleSpec, after: datetime, now: datetime, limit: int) -> tuple[datetime, ...]:
    """The first occurrences up to now. Mostly it is one: then these two questions are remembered longer than a turn."""
    first = next_occurrence(spec, after)
    if first is None or first > now:
        return ()
    second = next_occurrence(spec, first)
    if second is None or second > now:
        return (first,)
    return tuple(islice(occurrences(spec, after, now), limit))


def _last_let_in(due: Sequence[datetime], verdicts: Sequence[Verdict | None]) -> datetime | None:
    return max((due_at for due_at, verdict in zip(due, verdicts, strict=True) if verdict is None), default=None)
