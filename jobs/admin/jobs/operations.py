"""What people do to one job with a button or an action: who may, how it is done, and how it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from accounts import access
from accounts.scopes import Scope
from accounts.sealing import CannotOpen, KeysUnavailable
from jobs import executions, queues, registry
from jobs.definition import InvalidJob
from jobs.ledger import StillCatchingUp
from jobs.models import Job
from jobs.queues import QueueFull
from jobs.runtime_flags import SchedulerDisabled
from jobs.tick import publisher

REFUSALS = (
    CannotOpen,
    InvalidJob,
    KeysUnavailable,
    QueueFull,
    SchedulerDisabled,
    StillCatchingUp,
    executions.JobIsArchived,
    registry.RevisionConflict,
    Job.DoesNotExist,
)


@dataclass(frozen=True)
class Caller:
    """Who asks, as revisions and executions remember it."""

    actor: str
    request_id: str

    @classmethod
    def of(cls, request: HttpRequest) -> Caller:
        return cls(f"user:{request.user.get_username()}", request.META.get("DAYBOOK_REQUEST_ID", ""))


@dataclass(frozen=True)
class Wishes:
    """What the caller said with the button."""

    note: str = ""
    until: datetime | None = None


@dataclass(frozen=True)
class Operation:
    scope: Scope
    done: str
    apply: Callable[[Job, Caller, Wishes], int | None]
    """Returns the id of the execution that it made, if it made one."""
    fits: Callable[[Job], bool] = lambda _: True

    def is_open_to(self, request: HttpRequest, job: Job) -> bool:
        """Whether the button shows: the job is in a state for it and the user's role allows it."""
        return job.archived_at is None and self.fits(job) and access.may(request.user, self.scope, job.tenant_id)


def _run(job: Job, caller: Caller, wishes: Wishes, *, dry_run: bool = False) -> int:
    execution_id = registry.run_now(job, actor=caller.actor, dry_run=dry_run, request_id=caller.request_id)
    publisher.announce_soon([execution_id])
    return execution_id


def _dry_run(job: Job, caller: Caller, wishes: Wishes) -> int:
    return _run(job, caller, wishes, dry_run=True)


def _pause(job: Job, caller: Caller, wishes: Wishes) -> None:
    registry.pause(job.pk, actor=caller.actor, note=wishes.note, until=wishes.until)


def _changed(change: Callable[..., Job]) -> Callable[[Job, Caller, Wishes], None]:
    def apply(job: Job, caller: Caller, wishes: Wishes) -> None:
        change(job.pk, actor=caller.actor, note=wishes.note)

    return apply


OPERATIONS: dict[str, Operation] = {
    "run": Operation(Scope.SCHEDULER_RUN, "Queued a run of", _run),
    "dry-run": Operation(
        Scope.SCHEDULER_RUN, "Queued a dry run of", _dry_run, lambda job: job.template.supports_dry_run
    ),
    "pause": Operation(Scope.SCHEDULER_WRITE, "Paused", _pause, lambda job: job.is_enabled and not job.is_paused),
    "resume": Operation(Scope.SCHEDULER_WRITE, "Resumed", _changed(registry.resume), lambda job: job.is_paused),
    "enable": Operation(Scope.SCHEDULER_WRITE, "Enabled", _changed(registry.enable), lambda job: not job.is_enabled),
    "disable": Operation(Scope.SCHEDULER_WRITE, "Disabled", _changed(registry.disable), lambda job: job.is_enabled),
    "archive": Operation(Scope.SCHEDULER_WRITE, "Archived", _changed(registry.archive)),
}


def in_words(error: Exception) -> str:
    if isinstance(error, InvalidJob):
        return " ".join(message for messages in error.fields.values() for message in messages)
    if isinstance(error, QueueFull):
        queues.count_rejection(error)
    if isinstance(error, Job.DoesNotExist):
        return "The job is gone."
    return str(error)
