"""What can be done to many jobs at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.scopes import Scope
from jobs import registry
from jobs.bulk.each import Result, Status, apply_each
from jobs.models import Job
from jobs.rules.states import Trigger
from jobs.tick import publisher


@dataclass(frozen=True)
class JobWish:
    actor: str
    note: str = ""
    request_id: str = ""
    trigger: Trigger = Trigger.MANUAL
    until: datetime | None = None  # of pause
    tags: Sequence[str] = ()  # of add_tags and remove_tags
    changes: Mapping[str, Any] = field(default_factory=dict)  # of change
    may_run_sub_minute: bool = False


Act = Callable[[Job, JobWish], Job]


def apply_to_jobs(action: str, ids: Sequence[int], wish: JobWish, *, dry_run: bool = False) -> list[Result]:
    """`action` is one of JOB_ACTIONS. Who may do it is the caller's to judge."""
    if action == "run":
        return apply_each(ids, lambda job_id: _run(job_id, wish), dry_run=dry_run)
    act = _ACTS[action]
    return apply_each(ids, lambda job_id: _changed(job_id, act, wish), dry_run=dry_run)


def _run(job_id: int, wish: JobWish) -> Result:
    job = Job.objects.select_related("template", "tenant", "pool").get(pk=job_id)
    execution_id = registry.run_now(job, actor=wish.actor, trigger=wish.trigger, request_id=wish.request_id)
    publisher.announce_soon([execution_id])
    return Result(job_id, Status.DONE, execution_id=execution_id)


def _changed(job_id: int, act: Act, wish: JobWish) -> Result:
    """Each change leaves a revision, so the number of it tells whether there was one."""
    job = _locked(job_id)
    after = act(job, wish)
    return Result(job_id, Status.UNCHANGED if after.revision == job.revision else Status.DONE)


def _locked(job_id: int) -> Job:
    return Job.objects.select_for_update(no_key=True, of=("self",)).get(pk=job_id)


def _pause(job: Job, wish: JobWish) -> Job:
    return registry.pause(job.pk, actor=wish.actor, note=wish.note, until=wish.until)


def _add_tags(job: Job, wish: JobWish) -> Job:
    return _with_tags(job, [*job.tags, *(tag for tag in wish.tags if tag not in job.tags)], wish)


def _remove_tags(job: Job, wish: JobWish) -> Job:
    return _with_tags(job, [tag for tag in job.tags if tag not in wish.tags], wish)


def _with_tags(job: Job, tags: list[str], wish: JobWish) -> Job:
    return registry.change(job.pk, {"tags": tags}, actor=wish.actor, note=wish.note)


def _change(job: Job, wish: JobWish) -> Job:
    return registry.change(
        job.pk, wish.changes, actor=wish.actor, note=wish.note, may_run_sub_minute=wish.may_run_sub_minute
    )


def _by(operation: Callable[..., Job]) -> Act:
    return lambda job, wish: operation(job.pk, actor=wish.actor, note=wish.note)


_ACTS: dict[str, Act] = {
    "pause": _pause,
    "resume": _by(registry.resume),
    "enable": _by(registry.enable),
    "disable": _by(registry.disable),
    "archive": _by(registry.archive),
    "add_tags": _add_tags,
    "remove_tags": _remove_tags,
    "change": _change,
}

JOB_ACTIONS: dict[str, Scope] = {"run": Scope.SCHEDULER_RUN, **dict.fromkeys(_ACTS, Scope.SCHEDULER_WRITE)}
"""The scope that each needs in the tenant of each job."""
