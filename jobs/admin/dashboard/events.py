"""What the scheduling went through: newest first, narrowed by type, level, job and time, a stretch at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from jobs import dashboard, scheduler_events
from jobs.admin.dashboard.viewer import Viewer
from jobs.models import Job

SHOWN = 15
MOST_NEW = 100
LEVELS = {
    "matters": "Warnings and errors",
    "all": "Everything",
    "error": "Errors",
    "warning": "Warnings",
    "info": "Other",
}
TIMES = {"1h": ("Last hour", timedelta(hours=1)), "24h": ("Last 24 hours", timedelta(days=1)),
         "7d": ("Last 7 days", timedelta(days=7))}  # fmt: skip
SHAPES = {"error": ("bad", "cross"), "warning": ("warn", "alert"), "info": ("quiet", "dots")}
TYPES = {name: name.replace("_", " ").capitalize() for name in sorted(scheduler_events.TYPES)}


def build(viewer: Viewer) -> dict[str, Any]:
    found = _narrowed(viewer)
    before = viewer.number("before")
    rows = list((found.filter(id__lt=before) if before else found)[: SHOWN + 1])
    shown = rows[:SHOWN]
    names = dict(viewer.jobs.filter(pk__in={row.job_id for row in shown if row.job_id}).values_list("pk", "name"))
    for row in shown:
        row.tone, row.shape = SHAPES[row.level]
        row.type_words = TYPES.get(row.type, row.type)
        row.job_name = names.get(row.job_id, "")
        # Of what belongs to no tenant, others than superusers learn only that it was.
        row.words = row.message if row.tenant_id is not None or viewer.is_superuser else ""
    return {
        "events": shown,
        "older": shown[-1].pk if len(rows) > SHOWN else None,
        "newest": shown[0].pk if shown and not before else 0,
        "is_continued": before is not None,
        "types": TYPES,
        "levels": LEVELS,
        "times": {name: words for name, (words, _) in TIMES.items()},
        "asked": asked(viewer),
        "job": _job(viewer),
        "is_narrowed": any(value for name, value in asked(viewer).items() if (name, value) != ("level", "matters")),
    }


def asked(viewer: Viewer) -> dict[str, str]:
    job = _job(viewer)
    return {
        "level": viewer.chosen("level", LEVELS, "matters"),
        "type": viewer.chosen("type", TYPES),
        "time": viewer.chosen("time", TIMES),
        "job": str(job.pk) if job else "",
    }


def new_since(viewer: Viewer) -> dict[str, Any]:
    """How many there are that the page does not show yet."""
    newest = viewer.number("newest") or 0
    count = _narrowed(viewer).filter(id__gt=newest).order_by("id")[:MOST_NEW].count() if newest else 0
    return {"new": f"{MOST_NEW - 1}+" if count == MOST_NEW else count, "newest": newest, "asked": asked(viewer)}


def _narrowed(viewer: Viewer) -> Any:
    wanted = asked(viewer)
    since = viewer.now - TIMES[wanted["time"]][1] if wanted["time"] else None
    level = wanted["level"] if wanted["level"] in SHAPES else ""
    job = int(wanted["job"]) if wanted["job"] else None
    found = dashboard.find_events(viewer.tenant_ids, type=wanted["type"], level=level, job=job, since=since)
    # A type that was asked for by name is shown at any level.
    return found.exclude(level="info") if wanted["level"] == "matters" and not wanted["type"] else found


def _job(viewer: Viewer) -> Job | None:
    number = viewer.number("job")
    found: Job | None = viewer.jobs.filter(pk=number).only("pk", "name").first() if number else None
    return found
