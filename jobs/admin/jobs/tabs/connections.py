"""What starts a job besides its schedule, and what it starts: event hooks and dependencies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from jobs import dependencies
from jobs.admin.jobs.dependencies import newest_successions
from jobs.models import Job


def facts(request: HttpRequest, job: Job, now: datetime) -> dict[str, Any]:
    upstream, downstream = dependencies.edges_of(job.pk)
    return {
        "upstream": upstream,
        "downstream": downstream,
        "successions": newest_successions(job) if upstream else [],
        "event_hooks": job.event_hooks.order_by("name", "pk"),
    }
