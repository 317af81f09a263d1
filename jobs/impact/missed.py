"""What did not run while a job was paused, disabled or not begun, and what may be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs import backfill
from jobs.backfill import NOT_RUN, UNRECORDED
from jobs.definition import InvalidJob
from jobs.impact.proposal import Proposal
from jobs.models import Backfill, Job, JobRevision
from jobs.rules.states import BackfillStatus

CHOICES = ("none", "last", "all")


@dataclass(frozen=True)
class Missed:
    """The window, how often the job would have run in it, and how many runs each choice comes to."""

    since: datetime
    until: datetime
    count: int
    is_cut: bool
    only: tuple[str, ...]
    why_not: str = ""  # why nothing can be made up for now, where that is so

    @property
    def choices(self) -> dict[str, int]:
        if self.why_not:
            return {"none": 0}
        return {"none": 0, "last": min(self.count, 1), "all": self.count}


def missed_by(proposal: Proposal, *, now: datetime) -> Missed | None:
    """None where the change brings nothing back that could have been missed."""
    window = _window(proposal, now)
    if window is None:
        return None
    since, only = window
    if since >= now:
        return None
    runs = _runs(proposal.after, since, now, only)
    is_cut = len(runs) >= backfill.MOST
    return Missed(since, now, len(runs), is_cut, only, _why_not(proposal.before)) if runs else None


def _window(proposal: Proposal, now: datetime) -> tuple[datetime, tuple[str, ...]] | None:
    before, after = proposal.before, proposal.after
    if proposal.change == "resume" and before.paused_at is not None:
        return before.paused_at, tuple(NOT_RUN)
    if proposal.change == "enable" and not before.is_enabled:
        disabled_at = disabled_since(before)
        return (disabled_at, (*NOT_RUN, UNRECORDED)) if disabled_at else None
    if proposal.change == "change" and after.is_enabled and not after.is_paused:
        start = after.schedule.start_at
        if start is not None and start < now and start != _start_of(before):
            return start, (UNRECORDED,)
    return None


def _start_of(job: Job) -> datetime | None:
    try:
        return job.schedule.start_at
    except Exception:  # noqa: BLE001  the stored schedule of a quarantined job, which the change mends
        return None


def disabled_since(job: Job) -> datetime | None:
    """None for a job that was never in force: nothing of it was missed."""
    switched = JobRevision.objects.filter(job=job, change="disabled").order_by("-number")
    return switched.values_list("valid_from", flat=True).first()


def _runs(job: Job, since: datetime, until: datetime, only: tuple[str, ...]) -> Sequence[object]:
    try:
        return backfill.plan(job, since, until, only=only, newest=backfill.MOST).runs
    except InvalidJob:
        return ()


def _why_not(job: Job) -> str:
    running = Backfill.objects.filter(job=job, status=BackfillStatus.RUNNING).first()
    return f"{running} of the job is still running; wait for its end or cancel it first." if running else ""
