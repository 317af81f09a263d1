"""Lists of jobs, executions and ticks, narrowed by what a caller asks for; not by what a caller may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import CombinedExpression

from jobs import user_ids
from jobs.models import Attempt, Execution, Job, Tick
from jobs.rules.states import PRIORITIES, ExecutionStatus
from templates_registry.models import TemplateVersion

Row = TypeVar("Row", bound=Model)

JOB_ORDERINGS = ("name", "next_tick_at", "last_run_at", "created_at", "updated_at", "priority")
EXECUTION_ORDERINGS = ("id", "finished_at")  # there is an index for each, and a million rows
TICK_ORDERINGS = ("due_at",)
MOST_TAGGED = 10_000  # jobs


@dataclass(frozen=True)
class OfUser:
    """Of one user in one form, or of nobody."""

    canonical: str | None


def find_jobs(
    jobs: QuerySet[Job],
    *,
    archived: bool = False,
    enabled: bool | None = None,
    paused: bool | None = None,
    template: str = "",
    tag: str = "",
    queue: str = "",
    last_status: str = "",
    tenant: str = "",
    owner: str = "",
    pool: str = "",
    origin: str = "",
    next_tick_after: datetime | None = None,
    next_tick_before: datetime | None = None,
    q: str = "",
    ordering: str = "name",
) -> QuerySet[Job]:
    """`q` looks into names, slugs and descriptions; `ordering` is one of JOB_ORDERINGS, with a `-` to turn it round."""
    found = jobs.filter(archived_at__isnull=not archived)
    if enabled is not None:
        found = found.filter(is_enabled=enabled)
    if paused is not None:
        found = found.filter(paused_at__isnull=not paused)
    found = _exactly(
        found,
        {
            "template__name": template,
            "queue": queue,
            "last_status": last_status,
            "tenant__slug": tenant,
            "owner__username": owner,
            "pool__slug": pool,
            "origin": origin,
            "next_tick_at__gte": next_tick_after,
            "next_tick_at__lt": next_tick_before,
        },
    )
    if tag:
        found = found.filter(tags__contains=[tag])
    if q:
        found = found.filter(Q(name__icontains=q) | Q(slug__icontains=q) | Q(description__icontains=q))
    by = F(ordering.removeprefix("-"))
    return found.order_by(by.desc(nulls_last=True) if ordering.startswith("-") else by.asc(nulls_last=True), "id")


def find_executions(
    executions: QuerySet[Execution],
    *,
    status: str | Sequence[str] = "",
    statuses: Sequence[str] = (),
    trigger: str = "",
    template: str = "",
    tenant: str = "",
    priority: str = "",
    queue: str = "",
    held_for: str = "",
    job: int | None = None,
    tag: str = "",
    requested_by: str = "",
    reason: str = "",
    worker: str = "",
    fingerprint: str = "",
    request_id: str = "",
    user_id: OfUser | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    started_since: datetime | None = None,
    started_until: datetime | None = None,
    finished_since: datetime | None = None,
    finished_until: datetime | None = None,
    longer_than: float | None = None,
    shorter_than: float | None = None,
    ordering: str = "-id",
) -> QuerySet[Execution]:
    """The newest first, unless `ordering` is another of EXECUTION_ORDERINGS. `since` and `until` bound when they were
    created, `longer_than` and `shorter_than` how many seconds lie between start and end; what is over waits for
    nothing any more."""
    if user_id is not None:
        executions = user_ids.of_user(executions, user_id.canonical)
    wanted = [status] if isinstance(status, str) else list(status)
    found = _exactly(
        executions,
        {
            "status__in": [name for name in [*wanted, *statuses] if name],
            "trigger": trigger,
            "tenant__slug": tenant,
            "priority": PRIORITIES.get(priority),
            "queue": queue,
            "job_id": job,
            "requested_by": requested_by,
            "reason": reason,
            "fingerprint": fingerprint,
            "request_id": request_id,
            "created_at__gte": since,
            "created_at__lt": until,
            "started_at__gte": started_since,
            "started_at__lt": started_until,
            "finished_at__gte": finished_since,
            "finished_at__lt": finished_until,
        },
    )
    if held_for:
        found = found.filter(status=ExecutionStatus.QUEUED, held_for=held_for)
    # Ids instead of joins: with those, PostgreSQL would rather read the whole table.
    if template:
        versions = TemplateVersion.objects.filter(name=template).values_list("pk", flat=True)
        found = found.filter(template_id__in=list(versions))
    if tag:
        tagged = Job.objects.filter(tags__contains=[tag]).order_by("-pk").values_list("pk", flat=True)
        found = found.filter(job_id__in=list(tagged[:MOST_TAGGED]))
    if worker:
        found = found.filter(pk__in=Attempt.objects.filter(worker=worker).values("execution_id"))
    if longer_than is not None:
        found = found.filter(finished_at__gte=_after_start(longer_than))
    if shorter_than is not None:
        found = found.filter(finished_at__lt=_after_start(shorter_than))
    return found.order_by(ordering, *([] if ordering.endswith("id") else [_like(ordering, "id")]))


def find_ticks(
    ticks: QuerySet[Tick],
    *,
    outcome: str = "",
    reason: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    ordering: str = "-due_at",
) -> QuerySet[Tick]:
    """The newest first, unless `ordering` is `due_at`; `since` and `until` bound when they were due."""
    exact = {"outcome": outcome, "reason": reason, "due_at__gte": since, "due_at__lt": until}
    return _exactly(ticks, exact).order_by(ordering, _like(ordering, "id"))


def find_named(
    rows: QuerySet[Row], *, q: str = "", tenant: str = "", ordering: str = "name", also_in: str = "slug"
) -> QuerySet[Row]:
    """Of what has a name and is edited: `q` looks into the name and one more column."""
    if q:
        rows = rows.filter(Q(name__icontains=q) | Q(**{f"{also_in}__icontains": q}))
    return _exactly(rows, {"tenant__slug": tenant}).order_by(ordering, _like(ordering, "id"))


def _exactly(rows: QuerySet[Row], wanted: Mapping[str, Any]) -> QuerySet[Row]:
    return rows.filter(**{name: value for name, value in wanted.items() if value not in ("", None, [])})


def _like(ordering: str, column: str) -> str:
    return f"-{column}" if ordering.startswith("-") else column


def _after_start(seconds: float) -> CombinedExpression:
    return F("started_at") + timedelta(seconds=seconds)
