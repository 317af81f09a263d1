"""What a schedule would do: the sentence, the next runs, changes of the clocks, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from jobs.admin.job_form import PLACES
from jobs.rules.schedule import (
    InvalidSchedule,
    ScheduleSpec,
    clock_change_notes,
    describe,
    load_zone,
    next_occurrence,
    occurrences,
    spread_offset,
)
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


@dataclass(frozen=True)
class Preview:
    sentence: str = ""
    timezone: str = "UTC"
    runs: tuple[NextRun, ...] = ()
    per_day: str = ""
    notes: tuple[str, ...] = ()
    # form field -> messages
    problems: Mapping[str, list[str]] = field(default_factory=dict)


def of_input(
    data: Mapping[str, Any], *, now: datetime, shortest_seconds: int, job_id: int | None, anchor: datetime | None = None
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
    return of_spec(spec, now=now)


def of_spec(spec: ScheduleSpec, *, now: datetime) -> Preview:
    zone = load_zone(spec.timezone)
    runs: list[NextRun] = []
    after = now
    while len(runs) < SHOWN and (due := next_occurrence(spec, after)) is not None:
        local = due.astimezone(zone)
        runs.append(
            NextRun(
                due.astimezone(UTC),
                markup.absolute(local, now=now, zone=local.tzname() or "", seconds=bool(local.second)),
                markup.relative(due, now),
            )
        )
        after = due
    changes = [note for note in clock_change_notes(spec, now, now + YEAR) if note.effect != "real_time"]
    notes = [note.text for note in changes[:MOST_NOTES]]
    if not runs and spec.kind != "manual":
        notes.append("Nothing is due any more: all of it lies in the past.")
    return Preview(describe(spec), spec.timezone, tuple(runs), _per_day(spec, now), tuple(notes))


def _per_day(spec: ScheduleSpec, now: datetime) -> str:
    if spec.kind not in ("cron", "interval"):
        return ""
    count = sum(1 for _ in islice(occurrences(spec, now, now + timedelta(days=1)), MANY + 1))
    if count <= 1:
        return ""
    return f"{count} runs in the next 24 hours" if count <= MANY else f"More than {MANY} runs in the next 24 hours"
