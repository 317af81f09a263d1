"""Refuses to queue what nobody could ever hear of."""

from __future__ import annotations

from typing import Any

from jobs.backends.base import get_backend
from scheduler_project.api.errors import NotProvisioned

NO_BROKER = "Runs are to go through Celery, but no broker is configured."


def refuse_without_broker() -> None:
    backend: Any = get_backend()
    if not backend.is_provisioned():
        raise NotProvisioned(
            "SCHEDULER_USE_CELERY is on, but there is no broker: set REDIS_URL and start a worker, "
            "or set SCHEDULER_USE_CELERY=false and start `manage.py run_scheduler`."
        )
