"""The tables of this app, one file per family."""

from jobs.models.backfill import Backfill, BackfillRun
from jobs.models.beat import BeatRow
from jobs.models.bulk_change import BulkChange
from jobs.models.calendar import Blackout, Calendar, Maintenance
from jobs.models.dead_letter import DeadLetter, DeadLetterReplay, DeadLetterRun
from jobs.models.dependency import Dependency, Succession
from jobs.models.draft import JobDraft
from jobs.models.event import EventCursor, ExecutionEvent, ExecutionTotal
from jobs.models.execution import Attempt, Execution, LogLine
from jobs.models.forecast import ForecastHour
from jobs.models.job import Job, JobRevision
from jobs.models.lease import ExecutionLease, LeaseHistory, SchedulerCandidate, SchedulerLease
from jobs.models.paused_queue import PausedQueue
from jobs.models.pool import Pool, QueueRejection
from jobs.models.run_context import CircuitEvent, RunCheckpoint, RunEffect
from jobs.models.saved_view import SavedView
from jobs.models.scheduler_event import RunHour, RuntimeFlag, SchedulerCounter, SchedulerEvent
from jobs.models.tick import LedgerViolation, Tick, TickTotal
from jobs.models.webhook import EventHook, HookCall, Webhook, WebhookDelivery
from jobs.models.worker import QueueCanary, Worker

__all__ = [
    "Attempt",
    "Backfill",
    "BackfillRun",
    "BeatRow",
    "Blackout",
    "BulkChange",
    "Calendar",
    "CircuitEvent",
    "DeadLetter",
    "DeadLetterReplay",
    "DeadLetterRun",
    "Dependency",
    "EventCursor",
    "EventHook",
    "Execution",
    "ExecutionEvent",
    "ExecutionLease",
    "ExecutionTotal",
    "ForecastHour",
    "HookCall",
    "Job",
    "JobDraft",
    "JobRevision",
    "LeaseHistory",
    "LedgerViolation",
    "LogLine",
    "Maintenance",
    "PausedQueue",
    "Pool",
    "QueueCanary",
    "QueueRejection",
    "RunCheckpoint",
    "RunEffect",
    "RunHour",
    "RuntimeFlag",
    "SavedView",
    "SchedulerCandidate",
    "SchedulerCounter",
    "SchedulerEvent",
    "SchedulerLease",
    "Succession",
    "Tick",
    "TickTotal",
    "Webhook",
    "WebhookDelivery",
    "Worker",
]
