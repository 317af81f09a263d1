"""How workers and queues are, for everybody who asks: pages, API, metrics. Nothing here changes anything."""

from jobs.workers.queue_status import CanaryState, QueueStatus, list_queues
from jobs.workers.status import STATES, CurrentRun, WorkerStatus, state_of, statuses

__all__ = [
    "STATES",
    "CanaryState",
    "CurrentRun",
    "QueueStatus",
    "WorkerStatus",
    "list_queues",
    "state_of",
    "statuses",
]
