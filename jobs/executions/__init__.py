"""The only writer of an execution's status: create, claim, renew, settle, cancel. Hand-written SQL for speed."""

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
from jobs.executions.renewal import confirm_cancel, renew
from jobs.executions.settling import Ending, Settled, settle

__all__ = [
    "AlreadyFinished",
    "Claim",
    "Ending",
    "JobIsArchived",
    "Settled",
    "cancel",
    "cancel_unstarted",
    "cancel_waiting",
    "claim",
    "claim_next",
    "confirm_cancel",
    "create",
    "expire_overdue",
    "renew",
    "replace",
    "settle",
]
