"""What the overview tells: a handful of facts, each with a link to where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from jobs.admin.charts import recent_runs
from jobs.admin.jobs.filters import STATES
from jobs.admin.workers.page import state_of
from jobs.models import DeadLetter, Execution, Job, SchedulerLease, Worker
from jobs.rules.states import ACTIVE, ExecutionStatus, HeldFor, LetterState
from jobs.tick.leader import NAME
from scheduler_project.lib import sql

SHOWN = 6
NOT_SUCCEEDED = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.LOST, ExecutionStatus.DEAD)
STALE_AFTER = timedelta(seconds=15)
# Executions are found by their end only through their ids, so that no large table is searched.
NEWEST = 5_000


@dataclass(frozen=True)
class Tile:
    label: str
    value: int | str
    url: str
    tone: str = ""
    hint: str = ""


def facts(request: HttpRequest) -> dict[str, Any]:
    if not access.may_anywhere(request.user, Scope.SCHEDULER_READ):
        return {"sees_nothing": True}
    now = sql.now()
    jobs = access.visible(Job.objects.all(), request.user)
    runs = access.visible(Execution.objects.all(), request.user)
    counts = jobs.aggregate(**{name: Count("pk", filter=condition) for name, (_, condition) in STATES.items()})
    newest = runs.order_by("-id").values("pk")[:NEWEST]
    failed = runs.filter(pk__in=newest, status__in=NOT_SUCCEEDED, finished_at__gte=now - timedelta(days=1))
    active = runs.filter(status__in=ACTIVE).aggregate(
        running=Count("pk", filter=Q(status=ExecutionStatus.RUNNING)),
        queued=Count("pk", filter=Q(status=ExecutionStatus.QUEUED, available_at__lte=now)),
    )
    held = runs.filter(status=ExecutionStatus.QUEUED, held_for=HeldFor.APPROVAL).count()
    dead = access.visible(DeadLetter.objects.filter(state=LetterState.OPEN), request.user).count()
    workers = [(worker, state_of(worker)) for worker in Worker.objects.filter(stopped_at=None)]
    lease = SchedulerLease.objects.filter(name=NAME).first()
    return {
        "now": now,
        "tiles": _tiles(counts, active, failed.count(), held, dead),
        "failed": _with_jobs(failed.order_by("-id")[:SHOWN]),
        "running": _with_jobs(runs.filter(status=ExecutionStatus.RUNNING).order_by("-id")[:SHOWN]),
        "due": _due(jobs),
        "lease": lease,
        "is_led": bool(lease and lease.expires_at and lease.expires_at > now),
        "is_stale": bool(lease and (lease.ticked_at is None or now - lease.ticked_at > STALE_AFTER)),
        "workers": workers,
        "has_jobs": any(counts.values()),
        "may_write": access.may_anywhere(request.user, Scope.SCHEDULER_WRITE),
    }


def _tiles(counts: dict[str, int], active: dict[str, int], failed: int, held: int, dead: int) -> list[Tile]:
    jobs, executions = reverse("admin:jobs_job_changelist"), reverse("admin:jobs_execution_changelist")
    return [
        Tile("Active jobs", counts["active"], f"{jobs}?state=active"),
        Tile("Running now", active["running"], f"{executions}?status=running", hint=f"{active['queued']} queued"),
        *([Tile("Wait for approval", held, f"{executions}?status=approval", "warn")] if held else []),
        Tile("Failed in 24 hours", failed, f"{executions}?status=unsuccessful", "bad" if failed else ""),
        Tile("Dead letters", dead, reverse("admin:jobs_deadletter_changelist"), "bad" if dead else ""),
        Tile("Paused", counts["paused"], f"{jobs}?state=paused", "warn" if counts["paused"] else ""),
        Tile("Need attention", counts["problem"], f"{jobs}?state=problem", "bad" if counts["problem"] else ""),
    ]


def _with_jobs(rows: Any) -> list[Any]:
    found = list(rows.defer("parameters", "policy", "result").select_related("template"))
    names = dict(Job.objects.filter(pk__in={row.job_id for row in found}).values_list("pk", "name"))
    for row in found:
        row.job_name = names.get(row.job_id) or row.template.title
    return found


def _due(jobs: Any) -> list[Any]:
    found = list(
        jobs.filter(next_tick_at__isnull=False, paused_at=None)
        .order_by("next_tick_at")
        .select_related("template")[:SHOWN]
    )
    runs = recent_runs.find([job.pk for job in found])
    for job in found:
        job.bars = recent_runs.bars(runs[job.pk])
    return found
