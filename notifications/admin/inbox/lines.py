"""A notification as a line of the console: its title, how grave it is, when it was, and where it leads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from notifications.inbox import paths
from notifications.models import Notification
from notifications.rules.kinds import Severity

# Word, tone and shape.
SEVERITIES = {
    Severity.CRITICAL: ("Critical", "bad", "octagon"),
    Severity.ERROR: ("Error", "bad", "cross"),
    Severity.WARNING: ("Warning", "warn", "alert"),
    Severity.SUCCESS: ("Success", "good", "check"),
    Severity.INFO: ("Information", "info", "info"),
}


@dataclass(frozen=True)
class Line:
    id: int
    title: str
    body: str
    type: str
    word: str
    tone: str
    shape: str
    count: int
    created_at: datetime
    last_at: datetime
    is_unread: bool
    url: str
    tenant: str
    """Empty for one of the whole system."""
    is_for_all: bool
    """For everybody in the tenant, so that it is not the viewer's alone."""
    job_id: int | None
    job: str

    @property
    def has_times(self) -> bool:
        return self.count > 1


def lines(rows: Iterable[Notification]) -> list[Line]:
    return [line(row) for row in rows]


def line(row: Notification) -> Line:
    word, tone, shape = SEVERITIES[Severity(row.severity)]
    job = row.meta.get("job")
    job_id = job.get("id") if isinstance(job, dict) else None
    return Line(
        row.pk,
        row.title,
        row.body,
        row.type,
        word,
        tone,
        shape,
        row.count,
        row.created_at,
        row.last_at,
        row.seen_at is None,
        address(row.pk, row.meta.get("path")),
        row.tenant.name if row.tenant else "",
        row.user_id is None,
        job_id if isinstance(job_id, int) and not isinstance(job_id, bool) else None,
        str(job.get("name", ""))[:200] if isinstance(job, dict) else "",
    )


def address(pk: int, path: Any) -> str:
    """Where it leads: what it names, as long as that is one of our pages, else to itself in the inbox."""
    return str(path) if paths.is_ours(path) else f"{reverse('admin:notifications')}?id={pk}"
