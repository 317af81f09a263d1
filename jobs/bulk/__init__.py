"""One wish for many jobs or executions: each in a transaction of its own, and each answered for."""

from jobs.bulk import changes
from jobs.bulk.each import MOST, REFUSALS, CountDiffers, Result, Status, TooMany, refuse_count
from jobs.bulk.of_executions import EXECUTION_ACTIONS, ExecutionWish, apply_to_executions
from jobs.bulk.of_jobs import JOB_ACTIONS, JobWish, apply_to_jobs

__all__ = [
    "EXECUTION_ACTIONS",
    "JOB_ACTIONS",
    "MOST",
    "REFUSALS",
    "CountDiffers",
    "ExecutionWish",
    "JobWish",
    "Result",
    "Status",
    "TooMany",
    "apply_to_executions",
    "apply_to_jobs",
    "changes",
    "refuse_count",
]
