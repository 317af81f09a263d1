"""Who decides and who runs: the scheduler with its standbys, the workers, and the queues in which runs wait."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from jobs import queries
from jobs.admin.dashboard.viewer import Viewer

SHOWN = 6


def build(viewer: Viewer) -> dict[str, Any]:
    status = queries.scheduler_status()
    uses_workers = settings.SCHEDULER_USE_CELERY
    states = sorted(viewer.workers, key=lambda pair: pair[1] == "healthy") if uses_workers else []
    queues = viewer.queues if uses_workers else []
    age = status.last_tick_age_seconds
    return {
        "status": status,
        "is_silent": age is None or age > queries.tick_limit().total_seconds(),
        "standbys": [candidate for candidate in status.candidates if candidate.role != "leader"],
        "uses_workers": uses_workers,
        "workers": states[:SHOWN],
        "more_workers": max(len(states) - SHOWN, 0),
        "processes": sum(worker.concurrency for worker, state in states if state != "lost"),
        "queues": [queue for queue in queues if queue.waiting_total][:SHOWN],
    }
