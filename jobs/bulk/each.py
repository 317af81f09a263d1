"""Does something to each of some rows, and says of each what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db import DatabaseError, transaction

from accounts.sealing import CannotOpen, KeysUnavailable
from jobs import executions, registry
from jobs.backfill import BackfillIsRunning
from jobs.dead_letters import CannotReplay, LetterIsNotOpen
from jobs.ledger import StillCatchingUp
from jobs.models import Execution, Job
from jobs.queues import QueueFull
from jobs.runtime_flags import SchedulerDisabled
from scheduler_project.lib import transactions
from scheduler_project.lib.input import InvalidInput

MOST = 500


class NotQueued(Exception):
    """Only what is queued can get another priority."""


REFUSALS: tuple[type[Exception], ...] = (
    *(InvalidInput, QueueFull, StillCatchingUp, BackfillIsRunning, SchedulerDisabled, NotQueued, CannotOpen),
    *(
        CannotReplay,
        LetterIsNotOpen,
        KeysUnavailable,
        executions.AlreadyFinished,
        executions.JobIsArchived,
        executions.NotWaitingForRetry,
    ),
    *(registry.RevisionConflict, Job.DoesNotExist, Execution.DoesNotExist),
)


class Status(StrEnum):
    DONE = "done"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Result:
    id: int
    status: Status
    error: Exception | None = None
    execution_id: int | None = None


class TooMany(Exception):
    """More rows are meant than one call may change."""


class CountDiffers(Exception):
    """Other rows are meant than the caller thought."""


def refuse_count(found: int, expected: int | None = None) -> None:
    """Before anything is done. Raises `TooMany`, `CountDiffers`."""
    if expected is not None and found != expected:
        raise CountDiffers(f"{found} are meant by now, not {expected}; nothing was done. Look at them again.")
    if found > MOST:
        raise TooMany(f"More than {MOST} are meant, the most of one call; nothing was done. Narrow them down.")


def apply_each(ids: Sequence[int], act: Callable[[int], Result], *, dry_run: bool) -> list[Result]:
    """With `dry_run` each is done and taken back, so that the answer is what would come of it."""
    return [_apply(one, act, dry_run=dry_run) for one in ids]


def _apply(one: int, act: Callable[[int], Result], *, dry_run: bool) -> Result:
    try:
        with transactions.engine():
            result = act(one)
            if dry_run:
                transaction.set_rollback(True)
    except DatabaseError as error:  # such as a row that somebody else holds for too long
        return Result(one, Status.REFUSED, error)
    except REFUSALS as error:
        return Result(one, Status.REFUSED, error)
    return Result(one, result.status) if dry_run else result
