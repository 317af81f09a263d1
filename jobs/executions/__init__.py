"""The only writer of an execution's status: create, claim, renew, settle, approve, cancel. In hand-written SQL."""

from jobs.executions.approval import NotWaitingForApproval, approve, refuse, release_upstream
from jobs.executions.cancelling import (
    AlreadyFinished,
    cancel,
    cancel_unstarted,
    cancel_waiting,
    expire_overdue,
    replace,
)
from jobs.executions.claiming import Claim, claim, claim_next
from jobs.executions.creation import JobIsArchived, create
from jobs.executions.priority import change_priority, change_priority_of
from jobs.executions.renewal import confirm_cancel, renew
from jobs.executions.repetition import repeat
from jobs.executions.retrying import NotWaitingForRetry, give_up, retry_now
from jobs.executions.settling import Ending, Settled, settle
from jobs.executions.submission import submit

__all__ = [
    "AlreadyFinished",
    "Claim",
    "Ending",
    "JobIsArchived",
    "NotWaitingForApproval",
    "NotWaitingForRetry",
    "Settled",
    "approve",
    "cancel",
    "cancel_unstarted",
    "cancel_waiting",
    "change_priority",
    "change_priority_of",
    "claim",
    "claim_next",
    "confirm_cancel",
    "create",
    "expire_overdue",
    "give_up",
    "refuse",
    "release_upstream",
    "renew",
    "repeat",
    "replace",
    "retry_now",
    "settle",
    "submit",
]
