"""What a schedule would do: the sentence, the next runs, changes of the clocks, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from jobs import outlook
from jobs.admin.editor.fields import PLACES
from jobs.forecast import collisions
from jobs.models import Job
from jobs.outlook import Outlook
from jobs.planner import Pause, Verdict
from jobs.rules.schedule import InvalidSchedule, ScheduleSpec, clock_change_notes, occurrences, spread_offset
from scheduler_project.lib import markup

SHOWN = 5
MANY = 1_000
MOST_NOTES = 3
YEAR = timedelta(days=366)


@dataclass(frozen=True)
class NextRun:
    at: datetime
    local: str
    relative: str
    skipped: str = ""  # why it will not fire, as things stand


@dataclass(frozen=True)
class Preview:
    sentence: str = ""
    timezone: str = "UTC"
    runs: tuple[NextRun, ...] = ()
    per_day: str = ""
    notes: tuple[str, ...] = ()
    # form field -> messages
    problems: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Around:
    """What besides the schedule decides whether a tick fires."""

    tenant_id: int | None = None
    calendars: Iterable[str] = ()
    pause: Pause | None = None


def of_input(
    data: Mapping[str, Any],
    *,
    now: datetime,
    shortest_seconds: int,
    job_id: int | None,
    anchor: datetime | None = None,
    around: Around,
) -> Preview:
    """Judged as the registry would judge it."""
    try:
        given = {"anchor": anchor, **data} if anchor and data.get("kind") == "interval" else data
        spec = ScheduleSpec.parse(given, min_interval_seconds=shortest_seconds, default_anchor=now)
    except InvalidSchedule as error:
        return Preview(problems={PLACES.get(f"schedule.{key}", "kind"): texts for key, texts in error.fields.items()})
    if spec.spread_seconds and job_id is not None:
        offset = spread_offset(job_id, spec.spread_seconds)
        spec = ScheduleSpec.from_json({**spec.to_json(), "spread_offset_seconds": offset})
    found = outlook.of_spec(
        spec, now=now, count=SHOWN, tenant_id=around.tenant_id, calendars=around.calendars, pause=around.pause
    )
    shown = _shown(found, spec, now)
    return replace(shown, notes=(*shown.notes, *_crowd(spec, now=now, job_id=job_id, tenant_id=around.tenant_id)))


def _crowd(spec: ScheduleSpec, *, now: datetime, job_id: int | None, tenant_id: int | None) -> tuple[str, ...]:
    """How many of the tenant's other jobs start in the same minute, and when few do."""
    others = Job.objects.filter(tenant_id=tenant_id) if tenant_id is not None else Job.objects.none()
    found = collisions(others, spec, now=now, leaving_out=job_id)
    return (found.text,) if found and found.jobs else ()


def of_job(job: Job, *, now: datetime) -> Preview:
    """As far as its number of runs reaches. Raises InvalidSchedule."""
    return _shown(outlook.of_job(job, now=now, count=SHOWN), job.schedule, now)


def _shown(found: Outlook, spec: ScheduleSpec, now: datetime) -> Preview:
    runs = tuple(
        NextRun(
            tick.due_at,
            markup.absolute(tick.local, now=now, zone=tick.local.tzname() or "", seconds=bool(tick.local.second)),
            markup.relative(tick.due_at, now),
            _skipped(tick.skipped),
        )
        for tick in found.ticks
    )
    changes = [note for note in clock_change_notes(spec, now, now + YEAR) if note.effect != "real_time"]
    notes = [note.text for note in changes[:MOST_NOTES]]
    if not runs and spec.kind != "manual":
        notes.append("Nothing is due any more.")
    return Preview(found.text, found.timezone, runs, _per_day(spec, now) if len(runs) == SHOWN else "", tuple(notes))


def _skipped(verdict: Verdict | None) -> str:
    """`maintenance by user:root, New disks`; a calendar's own words are enough."""
    if verdict is None:
        return ""
    if verdict.reason.startswith("calendar_"):
        return verdict.text
    who = f"{verdict.reason.replace('_', ' ')} by {verdict.by}" if verdict.by else verdict.reason.replace("_", " ")
    return f"{who}, {verdict.text}" if verdict.text else who


def _per_day(spec: ScheduleSpec, now: datetime) -> str:
    if spec.kind not in ("cron", "interval"):
        return ""
    count = sum(1 for _ in islice(occurrences(spec, now, now + timedelta(days=1)), MANY + 1))
    if count <= 1:
        return ""
    return f"{count} runs in the next 24 hours" if count <= MANY else f"More than {MANY} runs in the next 24 hours"
