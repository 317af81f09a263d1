"""Where the figures of the dashboard lead to: lists, narrowed by what the figure counts."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from scheduler_project.lib import viewer_zone


def executions(
    *, status: str = "", when: str = "", since: datetime | None = None, until: datetime | None = None
) -> str:
    """`since` and `until` are written in the viewer's zone, which stands beside them."""
    zone = viewer_zone.name() if since or until else ""
    return _narrowed(
        "jobs_execution", status=status, when=when, since=_written(since), until=_written(until), zone=zone
    )


def jobs(**filters: str) -> str:
    return _narrowed("jobs_job", **filters)


def ticks(**filters: str | int) -> str:
    return _narrowed("jobs_tick", **filters)


def job(job_id: int) -> str:
    return reverse("admin:jobs_job_page", args=[job_id])


def execution(execution_id: int) -> str:
    return reverse("admin:jobs_execution_change", args=[execution_id])


def letters_like(letter_id: int) -> str:
    return reverse("admin:jobs_deadletter_group", args=[letter_id])


def letters() -> str:
    return reverse("admin:jobs_deadletter_changelist")


def workers() -> str:
    return reverse("admin:jobs_worker_changelist")


def schedule() -> str:
    return reverse("admin:jobs_forecasthour_changelist")


def circuits() -> str:
    return reverse("admin:jobs_circuitevent_changelist")


def health() -> str:
    return f"{reverse('admin:jobs_settings')}#health"


def _narrowed(name: str, **filters: str | int) -> str:
    wanted = {key: value for key, value in filters.items() if value != ""}
    return reverse(f"admin:{name}_changelist") + (f"?{urlencode(wanted)}" if wanted else "")


def _written(at: datetime | None) -> str:
    return "" if at is None else f"{viewer_zone.local(at):%Y-%m-%dT%H:%M}"
