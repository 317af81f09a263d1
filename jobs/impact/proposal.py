"""A change that nobody has saved: the job as it is, and the job as it would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from jobs import registry
from jobs.definition import Definition, InvalidJob
from jobs.executions import JobIsArchived
from jobs.models import Job
from jobs.rules.schedule import spread_offset
from jobs.rules.states import Origin


@dataclass(frozen=True)
class Proposal:
    """`after` is a copy that is never stored. `closing` is what undecided ticks are missed for, where they are."""

    change: str
    before: Job
    after: Job
    closing: str = ""


def propose_change(
    job: Job, data: Mapping[str, Any], *, now: datetime, may_run_sub_minute: bool = False, replaces: bool = False
) -> Proposal:
    """Raises `InvalidJob`, `JobIsArchived`, as saving it would."""
    _refuse_archived(job)
    new = registry.proposed(job, data, now=now, may_run_sub_minute=may_run_sub_minute, replaces=replaces)
    offset = spread_offset(job.pk, new.schedule.spread_seconds)
    return Proposal(
        "change", job, _with(job, replace(new, schedule=replace(new.schedule, spread_offset_seconds=offset)))
    )


def propose_action(job: Job, action: str, *, now: datetime, by: str = "", until: datetime | None = None) -> Proposal:
    """Raises `InvalidJob`, `JobIsArchived`, as doing it would."""
    _refuse_archived(job)
    apply = ACTIONS.get(action)
    if apply is None:
        raise InvalidJob({"action": [f"Write one of {', '.join(ACTIONS)}."]})
    if job.origin == Origin.ADOPTED and action in ("enable", "disable", "archive"):
        raise registry.JobIsAdopted("archived" if action == "archive" else "enabled")
    registry.refuse_end_of_pause(until, now)
    after = copy(job)
    apply(after, now)
    if action == "pause":
        after.paused_by, after.paused_until = by, until
    return Proposal(
        action, job, after, closing={"disable": "disabled_at_tick", "archive": "archived_at_tick"}.get(action, "")
    )


def _refuse_archived(job: Job) -> None:
    if job.archived_at is not None:
        raise JobIsArchived(f"{job.name} is archived and does not change any more.")


def _with(job: Job, new: Definition) -> Job:
    after = copy(job)
    new.write_to(after)
    return after


def _enable(job: Job, now: datetime) -> None:
    job.is_enabled = True


def _disable(job: Job, now: datetime) -> None:
    job.is_enabled = False


def _pause(job: Job, now: datetime) -> None:
    job.paused_at = job.paused_at or now


def _resume(job: Job, now: datetime) -> None:
    job.paused_at, job.paused_by, job.pause_note, job.paused_until = None, "", "", None


def _archive(job: Job, now: datetime) -> None:
    job.archived_at, job.is_enabled = now, False


ACTIONS: dict[str, Callable[[Job, datetime], None]] = {
    "enable": _enable,
    "disable": _disable,
    "pause": _pause,
    "resume": _resume,
    "archive": _archive,
}
