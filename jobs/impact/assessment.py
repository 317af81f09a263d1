"""Puts together what a proposed change would do. Reads only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jobs import planner
from jobs.definition import InvalidJob
from jobs.explain.wording import instant
from jobs.facts import Surroundings
from jobs.impact import following
from jobs.impact.collisions import Collision, collisions_of
from jobs.impact.comparison import Comparison, compare
from jobs.impact.missed import Missed, missed_by
from jobs.impact.proposal import Proposal
from jobs.impact.runs import Runs, runs_of
from jobs.impact.wording import sentences
from jobs.models import Execution, Job
from jobs.rules.clock_changes import ClockChangeNote, clock_change_notes
from jobs.rules.schedule import describe, load_zone
from jobs.rules.states import ExecutionStatus
from jobs.rules.zones import UnknownZone

HORIZON = timedelta(days=30)
MOST_UNDECIDED = 5_000
EXAMPLES = 3


@dataclass(frozen=True)
class Undecided:
    """Ticks that are due and that the change decides first, under the definition that it replaces."""

    since: datetime
    outcomes: dict[str, int]  # by outcome, or outcome and reason
    is_cut: bool

    @property
    def count(self) -> int:
        return sum(self.outcomes.values())


@dataclass(frozen=True)
class Impact:
    change: str
    timezone: str
    now: datetime
    until: datetime
    is_cut: bool  # so many are due that the comparison ends before thirty days
    before: Runs
    after: Runs
    comparison: Comparison
    clock_changes: tuple[ClockChangeNote, ...]
    collisions: tuple[Collision, ...]
    queued: int
    running: int
    undecided: Undecided | None
    missed: Missed | None
    notes: tuple[str, ...] = ()

    @property
    def examples(self) -> list[tuple[str, list[str]]]:
        """The first of each kind, on the wall clock."""
        found, zone = self.comparison, self.timezone
        moves = [f"{instant(move.before, zone)} to {instant(move.after, zone)}" for move in found.moved[:EXAMPLES]]
        return [
            ("Added", [instant(at, zone) for at in found.added[:EXAMPLES]]),
            ("Removed", [instant(at, zone) for at in found.removed[:EXAMPLES]]),
            ("Moved", moves),
        ]


def assess(proposal: Proposal, *, now: datetime) -> Impact:
    """What would be different in the next thirty days, and what becomes of what is due, waits and runs.

    Raises `InvalidJob` where a stored schedule that cannot be evaluated would be put in force.
    """
    until = now + HORIZON
    is_in_force = proposal.after.is_enabled and proposal.after.archived_at is None
    if is_in_force:
        _refuse_unreadable(proposal.after)
    before, after = _runs(proposal.before, now, until), _runs(proposal.after, now, until)
    end = min(until, before.until or until, after.until or until)
    if end < until:
        before, after = _up_to(before, end), _up_to(after, end)
    timezone = _timezone(proposal.after)
    impact = Impact(
        change=proposal.change,
        timezone=timezone,
        now=now,
        until=end,
        is_cut=end < until,
        before=before,
        after=after,
        comparison=compare(before.let_in, after.let_in, timezone),
        clock_changes=tuple(clock_change_notes(proposal.after.schedule, now, until)) if is_in_force else (),
        collisions=tuple(collisions_of(proposal.after, after.let_in, now=now)),
        queued=_count(proposal.before, ExecutionStatus.QUEUED),
        running=_count(proposal.before, ExecutionStatus.RUNNING),
        undecided=_undecided(proposal, now),
        missed=missed_by(proposal, now=now),
    )
    notes = (*sentences(impact), *following.sentences(proposal.before, proposal.change))
    return replace(impact, notes=notes)


def _refuse_unreadable(job: Job) -> None:
    try:
        describe(job.schedule)
    except Exception as error:
        raise InvalidJob({"schedule": [f"The stored schedule cannot be evaluated: {error} Write another."]}) from error


def _timezone(job: Job) -> str:
    try:
        return load_zone(str(job.spec.get("timezone", "UTC"))).key
    except UnknownZone:
        return "UTC"


def _runs(job: Job, now: datetime, until: datetime) -> Runs:
    try:
        return runs_of(job, now=now, until=until)
    except Exception:  # noqa: BLE001  the stored schedule of a quarantined job, which a change mends
        return Runs(0, ())


def _up_to(runs: Runs, end: datetime) -> Runs:
    return replace(runs, let_in=tuple(due_at for due_at in runs.let_in if due_at <= end))


def _count(job: Job, status: ExecutionStatus) -> int:
    return Execution.objects.filter(job_id__gte=job.pk, job_id__lte=job.pk, status=status).count()


def _undecided(proposal: Proposal, now: datetime) -> Undecided | None:
    """By the planner itself, so that it is what the change will record."""
    job = proposal.before
    since, closing = job.next_tick_at, proposal.closing
    if job.undecided_since is not None:
        since, closing = job.undecided_since, "schedule_error"
    if since is None or since > now:
        return None
    try:
        facts = Surroundings([job], since=since, now=now).facts(job, next_tick_at=since, closing=closing)
        plan = planner.plan(facts, now=now, limit=MOST_UNDECIDED)
    except Exception:  # noqa: BLE001  likewise
        return None
    words = Counter(f"{made.outcome} ({made.reason})" if made.reason else made.outcome.value for made in plan.decisions)
    return Undecided(since, dict(words), not plan.is_complete)
