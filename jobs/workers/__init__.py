"""How workers and queues are, for everybody who asks: pages, API, metrics. Only a pause of a queue changes anything."""

from jobs.workers.pausing import InvalidPause, QueueIsNotPaused, QueueIsPaused, UnknownQueue, pause, resume
from jobs.workers.queue_status import CanaryState, QueueStatus, list_queues
from jobs.workers.status import STATES, CurrentRun, WorkerStatus, state_of, statuses

__all__ = [
    "STATES",
    "CanaryState",
    "CurrentRun",
    "InvalidPause",
    "QueueIsNotPaused",
    "QueueIsPaused",
    "QueueStatus",
    "UnknownQueue",
    "WorkerStatus",
    "list_queues",
    "pause",
    "resume",
    "state_of",
    "statuses",
]
