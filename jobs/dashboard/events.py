"""What happened: events of the scheduling, and runs by the names of their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from jobs.models import Execution, Job, SchedulerEvent
from templates_registry.models import TemplateVersion


def find_events(
    tenant_ids: Sequence[int] | None,
    *,
    type: str = "",  # noqa: A002  as the query string says
    level: str = "",
    job: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    q: str = "",
) -> QuerySet[SchedulerEvent]:
    """The newest first. Of events without a tenant, others than superusers learn only that they were."""
    events = SchedulerEvent.objects.select_related("tenant")
    if tenant_ids is not None:
        theirs = Q(tenant_id__in=list(tenant_ids))
        events = events.filter(theirs if q or job is not None else theirs | Q(tenant_id=None))
    if q:
        events = events.filter(Q(message__icontains=q) | Q(source__icontains=q))
    exact = {"type": type, "level": level, "job_id": job, "at__gte": since, "at__lt": until}
    return events.filter(**{name: value for name, value in exact.items() if value not in ("", None)}).order_by("-id")


def named(executions: QuerySet[Execution], q: str) -> QuerySet[Execution]:
    """Of the jobs and templates that have `q` in their names, which are few beside the runs."""
    templates = list(TemplateVersion.objects.filter(name__icontains=q).values_list("pk", flat=True))
    found = list(Job.objects.filter(name__icontains=q).values_list("pk", flat=True)[:1_000])
    return executions.filter(Q(job_id__in=found) | Q(job_id=None, template_id__in=templates))
