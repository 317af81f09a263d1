"""A job at a glance: its last runs, how long they take, when it is due next, and by which rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

from django.http import HttpRequest

from accounts import access
from jobs import dependencies
from jobs.admin.charts import history
from jobs.admin.charts.history import Entry
from jobs.admin.editor import schedule_preview
from jobs.admin.jobs.policy_words import policies_in_words
from jobs.admin.jobs.versions import Change, changes_of, find_templates
from jobs.forecast import durations
from jobs.forecast.durations import Usual
from jobs.models import Calendar, Execution, Job, JobRevision
from jobs.rules.states import ExecutionStatus
from scheduler_project.lib import markup, viewer_zone

MOST_MARKS = 30
MARKING = ("schedule", "template", "template_version")


@dataclass(frozen=True)
class Figures:
    """Of the runs that the chart shows."""

    ended: int
    succeeded: int
    missed: int
    waited: float | None

    @property
    def share(self) -> str:
        return f"{self.succeeded / self.ended:.0%}" if self.ended else ""


@dataclass(frozen=True)
class MarkedChange:
    revision: JobRevision
    changes: list[Change]


def facts(request: HttpRequest, job: Job, now: datetime) -> dict[str, Any]:
    entries = history.find(job.pk, now=now)
    usual = durations.usual(job.pk)
    marked = _marked(job, entries[0].at) if entries else []
    figures = _figures(entries)
    upstream, downstream = dependencies.edges_of(job.pk)
    preview = _preview(job, now)
    return {
        "entries": entries,
        "newest_first": entries[::-1],
        "figures": figures,
        "usual": usual,
        "chart": history.draw(
            entries,
            history.place_marks(entries, [one.revision for one in marked]),
            usual=usual.p50 if usual else None,
            words=_in_words(entries, figures, usual),
        ),
        "marked": marked[::-1],
        "slow_runs": _slower_than_usual(job.pk, usual, now),
        "preview": preview,
        "next_runs": [(run, markup.instant(run.at, now=now, seconds=False)) for run in preview.runs] if preview else [],
        "viewer_zone": viewer_zone.name(),
        "shows_viewer_zone": preview is not None and viewer_zone.name() != preview.timezone,
        "policies": policies_in_words(job.policies),
        "calendars": Calendar.objects.filter(tenant=job.tenant_id, slug__in=job.calendars).order_by("name"),
        "upstream": upstream,
        "downstream": downstream,
        "shows_tenant": access.tenants(request.user).count() > 1,
    }


def _preview(job: Job, now: datetime) -> schedule_preview.Preview | None:
    try:
        return schedule_preview.of_job(job, now=now)
    except (ValueError, TypeError):
        return None  # quarantined: the page shows the job's problem instead


def _figures(entries: Sequence[Entry]) -> Figures:
    states = [entry.state for entry in entries]
    ended = sum(state not in ("queued", "running", "cancelled", "missed") for state in states)
    waits = [entry.waited for entry in entries if entry.waited is not None]
    succeeded = states.count(ExecutionStatus.SUCCEEDED)
    return Figures(ended, succeeded, states.count("missed"), median(waits) if waits else None)


def _in_words(entries: Sequence[Entry], figures: Figures, usual: Usual | None) -> str:
    parts = [f"Last {len(entries)} runs, the newest on the right", f"{figures.succeeded} of {figures.ended} succeeded"]
    parts += [f"{figures.missed} missed"] if figures.missed else []
    return ", ".join(parts)


def _marked(job: Job, since: datetime) -> list[MarkedChange]:
    """The revisions since then that changed when the job runs or what."""
    found = list(JobRevision.objects.filter(job_id=job.pk, valid_from__gte=since).order_by("-number")[:MOST_MARKS])
    if not found:
        return []
    before = JobRevision.objects.filter(job_id=job.pk, number__lt=found[-1].number).order_by("-number").first()
    line = [*([before] if before else []), *reversed(found)]
    pairs = [
        (old, new)
        for old, new in pairwise(line)
        if any(old.definition.get(name) != new.definition.get(name) for name in MARKING)
    ]
    templates = find_templates([row for pair in pairs for row in pair])
    marked = []
    for old, new in pairs:
        changes = [one for one in changes_of(old, new, templates) if one.path.partition(".")[0] in MARKING]
        if changes:
            marked.append(MarkedChange(new, changes))
    return marked


def _slower_than_usual(job_id: int, usual: Usual | None, now: datetime) -> list[tuple[Execution, float]]:
    """Those that run now and have gone on for longer than nearly all before them."""
    if usual is None:
        return []
    running = Execution.objects.filter(job_id__gte=job_id, job_id__lte=job_id, status=ExecutionStatus.RUNNING)
    found = running.filter(started_at__isnull=False).only("id", "started_at").order_by("job_id", "id")[:3]
    spans = [(row, (now - row.started_at).total_seconds()) for row in found if row.started_at]
    return [(row, seconds) for row, seconds in spans if seconds > usual.p95]
