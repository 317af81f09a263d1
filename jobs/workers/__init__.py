"""How workers and queues are, for everybody who asks: pages, API, metrics. Only a pause of a queue changes anything."""

from jobs.workers.pausing import MOST_NOTE, InvalidPause, QueueIsNotPaused, QueueIsPaused, UnknownQueue, pause, resume
from jobs.workers.queue_status import CanaryState, QueueStatus, list_queues, nothing_of
from jobs.workers.status import STATES, CurrentRun, WorkerStatus, state_of, statuses

__all__ = [
    "MOST_NOTE",
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
    "nothing_of",
    "pause",
    "resume",
    "state_of",
    "statuses",
]
