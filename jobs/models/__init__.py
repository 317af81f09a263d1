"""The tables of this app, one file per family."""

from jobs.models.beat import BeatRow
from jobs.models.event import EventCursor, ExecutionEvent, ExecutionTotal
from jobs.models.execution import Attempt, Execution, LogLine
from jobs.models.job import Job, JobRevision
from jobs.models.lease import ExecutionLease, LeaseHistory, SchedulerLease
from jobs.models.tick import Tick
from jobs.models.worker import Worker

__all__ = [
    "Attempt",
    "BeatRow",
    "EventCursor",
    "Execution",
    "ExecutionEvent",
    "ExecutionLease",
    "ExecutionTotal",
    "Job",
    "JobRevision",
    "LeaseHistory",
    "LogLine",
    "SchedulerLease",
    "Tick",
    "Worker",
]
