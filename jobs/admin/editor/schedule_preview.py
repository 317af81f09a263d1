"""What a schedule would do: the sentence, the next runs, what is worth knowing of it, or what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from jobs import advice, outlook
from jobs.admin.editor.duration_field import DurationInput
from jobs.admin.editor.fields import PLACES
from jobs.advice import Advice
from jobs.models import Job
from jobs.outlook import Outlook
from jobs.planner import Pause, Verdict
from jobs.rules.schedule import HORIZON, InvalidSchedule, ScheduleSpec, load_zone, occurrences, spread_offset
from scheduler_project.lib import markup, viewer_zone

SHOWN = 5
DATES = 3


@dataclass(frozen=True)
class NextRun:
    at: datetime
    local: str
    viewer: str  # the same on the viewer's clock, where that shows something else
    relative: str
    skipped: str = ""  # why it will not fire, as things stand


@dataclass(frozen=True)
class DayMatch:
    """What one answer to "day of the month and day of the week?" would mean."""

    value: str
    text: str
    dates: tuple[str, ...]


@dataclass(frozen=True)
class Note:
    """Something worth knowing, and what would mend it: `filled` has the values for the form's controls, as JSON."""

    code: str
    text: str
    fix_text: str = ""
    filled: str = ""


@dataclass(frozen=True)
class Preview:
    sentence: str = ""
    timezone: str = "UTC"
    zone_now: str = ""  # what the clocks of the zone show
    viewer_zone: str = ""
    runs: tuple[NextRun, ...] = ()
    per_day: str = ""
    notes: tuple[Note, ...] = ()
    # form field -> messages
    problems: Mapping[str, list[str]] = field(default_factory=dict)
    day_matches: tuple[DayMatch, ...] = ()

    @property
    def problem_texts(self) -> list[str]:
        return [text for texts in self.problems.values() for text in texts]


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
    overlap: str = "",
) -> Preview:
    """Judged as the registry would judge it."""
    try:
        given = {"anchor": anchor, **data} if anchor and data.get("kind") == "interval" else data
        spec = ScheduleSpec.parse(given, min_interval_seconds=shortest_seconds, default_anchor=now)
    except InvalidSchedule as error:
        problems = {PLACES.get(f"schedule.{key}", "kind"): texts for key, texts in error.fields.items()}
        matches = _day_matches(data, now) if "day_match" in problems else ()
        return Preview(problems=problems, day_matches=matches)
    if spec.spread_seconds and job_id is not None:
        offset = spread_offset(job_id, spec.spread_seconds)
        spec = ScheduleSpec.from_json({**spec.to_json(), "spread_offset_seconds": offset})
    found = outlook.of_spec(
        spec, now=now, count=SHOWN, tenant_id=around.tenant_id, calendars=around.calendars, pause=around.pause
    )
    others = Job.objects.filter(tenant_id=around.tenant_id) if around.tenant_id is not None else Job.objects.none()
    notes = advice.advise(spec, now=now, jobs=others, job_id=job_id, overlap=overlap)
    return replace(_shown(found, spec, now), notes=_noted(notes))


def of_job(job: Job, *, now: datetime) -> Preview:
    """As far as its number of runs reaches. Raises InvalidSchedule."""
    spec = job.schedule
    shown = _shown(outlook.of_job(job, now=now, count=SHOWN), spec, now)
    ended = () if shown.runs or spec.kind == "manual" else (Advice("ended", "Nothing is due any more."),)
    return replace(shown, notes=_noted((*advice.of_clocks(spec, now=now), *ended)))


def of_stored(job: Job, *, now: datetime) -> Preview:
    """With all that is worth knowing: for whoever is about to change it. Raises InvalidSchedule."""
    found, others = of_job(job, now=now), Job.objects.filter(tenant_id=job.tenant_id)
    notes = advice.advise(job.schedule, now=now, jobs=others, job_id=job.pk, overlap=job.policies.overlap)
    return replace(found, notes=_noted(notes))


def _shown(found: Outlook, spec: ScheduleSpec, now: datetime) -> Preview:
    theirs = viewer_zone.current.get()
    runs = tuple(
        NextRun(
            tick.due_at,
            _worded(tick.local, now),
            _worded(tick.due_at.astimezone(theirs), now)
            if tick.local.utcoffset() != tick.due_at.astimezone(theirs).utcoffset()
            else "",
            markup.relative(tick.due_at, now),
            _skipped(tick.skipped),
        )
        for tick in found.ticks
    )
    here = now.astimezone(load_zone(spec.timezone))
    return Preview(
        found.text,
        found.timezone,
        zone_now=f"{here:%H:%M} now, UTC{here.isoformat()[-6:]}",
        viewer_zone=viewer_zone.name(),
        runs=runs,
        per_day=_per_day(spec, now) if len(runs) == SHOWN else "",
    )


def _noted(found: Iterable[Advice]) -> tuple[Note, ...]:
    return tuple(
        Note(one.code, one.text, one.fix_text, json.dumps(_controls(one.fix)) if one.fix else "") for one in found
    )


def _controls(fix: Mapping[str, object]) -> dict[str, str]:
    filled: dict[str, str] = {}
    if "cron" in fix:
        filled |= {"kind": "cron", "cron": str(fix["cron"])}
    if "spread_seconds" in fix:
        number, unit = DurationInput().decompress(fix["spread_seconds"])
        filled |= {"spread": str(number), "spread_unit": unit}
    return filled


def _worded(at: datetime, now: datetime) -> str:
    return markup.absolute(at, now=now, zone=at.tzname() or "", seconds=bool(at.second))


def _day_matches(data: Mapping[str, Any], now: datetime) -> tuple[DayMatch, ...]:
    """Both answers with the dates that they lead to; none where something else is wrong as well."""
    found = []
    for value, text in (("all", "Both must fit"), ("any", "Either is enough")):
        try:
            spec = ScheduleSpec.parse({**data, "day_match": value})
        except InvalidSchedule:
            continue
        found.append(DayMatch(value, text, tuple(_dates(spec, now))))
    return tuple(found)


def _dates(spec: ScheduleSpec, now: datetime) -> Iterator[str]:
    """The next few days with a run."""
    zone, after = load_zone(spec.timezone), now
    for _ in range(DATES):
        due = next(occurrences(spec, after, HORIZON), None)
        if due is None:
            return
        local = due.astimezone(zone)
        yield f"{local:%a} {local.day} {local:%b}" + ("" if local.year == now.year else f" {local.year}")
        after = max(due, local.replace(hour=23, minute=59, second=59))


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
    count = advice.runs_per_day(spec, now=now)
    if count <= 1:
        return ""
    most = advice.MOST_COUNTED
    return f"{count} runs in the next 24 hours" if count <= most else f"More than {most} runs in the next 24 hours"
