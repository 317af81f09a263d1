"""Three steps to the first run, for those who have none yet, each with whether it is done."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from jobs import queries, workers
from jobs.admin.dashboard.viewer import Viewer
from jobs.models import Worker
from templates_registry.models import TemplateVersion

DEMO = "echo"


def is_needed(viewer: Viewer) -> bool:
    """Until a run has ended."""
    return not viewer.executions.filter(finished_at__isnull=False).exists()


def build(viewer: Viewer) -> dict[str, Any]:
    """Where workers do nothing, the scheduler does all of it."""
    status = queries.scheduler_status()
    alive = [
        worker
        for worker in Worker.objects.filter(stopped_at=None)
        if workers.state_of(worker, now=viewer.now) not in ("lost", "stopped")
    ]
    job = viewer.jobs.filter(archived_at=None).order_by("pk").first()
    run = viewer.executions.order_by("-pk").first() if job else None
    return {
        "is_led": status.leader is not None,
        "uses_workers": settings.SCHEDULER_USE_CELERY,
        "has_worker": bool(alive) or not settings.SCHEDULER_USE_CELERY,
        "job": job,
        "run": run,
        "has_run": run is not None and run.status == "succeeded",
        "demo": TemplateVersion.objects.filter(name=DEMO, is_available=True).exists() and DEMO,
        "may_write": viewer.may_write,
    }
