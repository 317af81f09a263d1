"""Every change of an event hook. The secret leaves this module once, with the hook that is new or has a new one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from jobs import trail
from jobs.executions import JobIsArchived
from jobs.hooks.reader import HookInput, read
from jobs.models import EventHook, HookCall, Job
from scheduler_project.lib import batches, sql, telemetry, transactions

MOST_PER_JOB = 20
LONGEST_OVERLAP = timedelta(days=7)


class TooManyHooks(Exception):
    """The job has as many as a job can have."""


class RotationIsTooLong(ValueError):
    """The former secret would stay good for longer than a rotation takes."""


def create(job_id: int, data: Mapping[str, Any], *, actor: str) -> tuple[EventHook, str]:
    """A new hook and its secret. Raises `InvalidHook`, `JobIsArchived`, `TooManyHooks`."""
    with transactions.engine():
        job = Job.objects.select_related("template").select_for_update(of=("self",), no_key=True).get(pk=job_id)
        if job.archived_at is not None:
            raise JobIsArchived(f"{job.name} is archived; it cannot run any more.")
        new = read(data, job=job)
        if job.event_hooks.count() >= MOST_PER_JOB:
            raise TooManyHooks(f"{job.name} has {MOST_PER_JOB} event hooks already; delete one of them first.")
        hook = EventHook(tenant_id=job.tenant_id, job=job)
        _write(hook, new, actor=actor)
        _tell("event_hook.created", hook, actor, after=vars(new))
    return hook, hook.newest_secret()


def change(hook_id: int, data: Mapping[str, Any], *, actor: str) -> EventHook:
    """Change what `data` names. Raises `InvalidHook`, `EventHook.DoesNotExist`."""
    with transactions.engine():
        hook = _locked(hook_id)
        before = HookInput.of(hook)
        new = read(data, job=hook.job, current=before)
        _write(hook, new, actor=actor)
        _tell("event_hook.changed", hook, actor, before=vars(before), after=vars(new))
    return hook


def rotate(hook_id: int, *, actor: str, overlap: timedelta = timedelta()) -> tuple[EventHook, str]:
    """Another secret; the former one stays good for `overlap`. Raises `RotationIsTooLong`, `EventHook.DoesNotExist`."""
    refuse_overlap(overlap)
    with transactions.engine():
        hook = _locked(hook_id)
        hook.take_new_secret(now=sql.now(), overlap=overlap)
        hook.updated_at, hook.updated_by = sql.now(), actor
        hook.save()
        _tell("event_hook.rotated", hook, actor, after={"overlap_seconds": overlap.total_seconds()})
    return hook, hook.newest_secret()


def delete(hook_id: int, *, actor: str) -> None:
    """Remove a hook; its address answers nobody any more. Raises `EventHook.DoesNotExist`."""
    EventHook.objects.filter(pk=hook_id).update(is_enabled=False)  # so that no run starts while the log goes
    batches.delete(HookCall.objects.filter(hook_id=hook_id).order_by("at"))
    with transactions.engine():
        hook = _locked(hook_id)
        _tell("event_hook.deleted", hook, actor, before=vars(HookInput.of(hook)))
        hook.delete()


def refuse_overlap(overlap: timedelta) -> None:
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise RotationIsTooLong(f"Write an overlap of at most {LONGEST_OVERLAP.days} days.")


def _locked(hook_id: int) -> EventHook:
    rows = EventHook.objects.select_related("job__template").select_for_update(of=("self",))
    return rows.get(pk=hook_id)


def _write(hook: EventHook, new: HookInput, *, actor: str) -> None:
    new.write_to(hook)
    hook.updated_at, hook.updated_by = sql.now(), actor
    hook.save()


def _tell(event: str, hook: EventHook, actor: str, **states: Any) -> None:
    trail.tell(event, hook, actor=actor, **states)
    fields = {"hook": hook.name, "job_id": hook.job_id, "actor": actor}
    transaction.on_commit(lambda: telemetry.emit(event, **fields))
