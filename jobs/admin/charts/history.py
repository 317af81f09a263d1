"""The last runs of one job as bars, with the runs that were missed and the moments at which what it does was changed.

Height is how long a run took. States differ in shape as well: what failed is broken in two, what runs is open at the
top, what was missed is hollow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.admin.chips import STATES
from jobs.models import Execution, JobRevision, Tick
from jobs.rules.states import Trigger
from scheduler_project.lib import viewer_zone
from scheduler_project.lib.markup import duration, joined

COUNT = 60
FEWEST = 30  # places that are drawn at least: a picture as wide as the card, whatever its greatest height
PITCH, WIDTH, HEIGHT, FOOT = 12, 8, 84, 14
LEAST, HOLLOW = 6, 22
GOING = ("running", "queued")


@dataclass(frozen=True)
class Entry:
    """A run, or a tick that was missed and so has none."""

    at: datetime
    state: str
    execution_id: int | None = None
    seconds: float | None = None
    waited: float | None = None
    revision: int = 0


@dataclass(frozen=True)
class Mark:
    """A revision that changed when the job runs or what it runs; `before` is the place of the first entry after it."""

    revision: JobRevision
    before: int


def find(job_id: int, *, now: datetime) -> list[Entry]:
    """The newest runs and misses, oldest first. Dry runs and backfills are no part of how the job does."""
    rows = Execution.objects.filter(job_id__gte=job_id, job_id__lte=job_id, dry_run=False)
    rows = rows.exclude(trigger=Trigger.BACKFILL).order_by("job_id", "-id")
    names = ("id", "status", "created_at", "started_at", "finished_at", "scheduled_for", "revision")
    entries = [_entry(row, now) for row in rows.values(*names)[:COUNT]]
    missed = Tick.objects.filter(job_id=job_id, outcome="missed").order_by("-due_at")
    if len(entries) == COUNT:
        missed = missed.filter(due_at__gte=entries[-1].at)
    for due_at, revision in missed.values_list("due_at", "revision")[:COUNT]:
        entries.append(Entry(due_at, "missed", revision=revision))
    return sorted(entries, key=lambda entry: (entry.at, entry.execution_id or 0))[-COUNT:]


def _entry(row: dict[str, datetime | int | str | None], now: datetime) -> Entry:
    created, started, finished = row["created_at"], row["started_at"], row["finished_at"]
    assert isinstance(created, datetime)
    seconds = waited = None
    if isinstance(started, datetime):
        waited = (started - created).total_seconds()
        if row["status"] != "queued":
            seconds = ((finished if isinstance(finished, datetime) else now) - started).total_seconds()
    return Entry(created, str(row["status"]), int(str(row["id"])), seconds, waited, int(str(row["revision"] or 0)))


def place_marks(entries: Sequence[Entry], revisions: Sequence[JobRevision]) -> list[Mark]:
    """Those of the revisions that lie between the first entry and now."""
    marks = []
    for revision in revisions:
        place = next((place for place, entry in enumerate(entries) if entry.at >= revision.valid_from), len(entries))
        if place:
            marks.append(Mark(revision, place))
    return marks


def draw(entries: Sequence[Entry], marks: Sequence[Mark], *, usual: float | None, words: str) -> str | SafeString:
    """Nothing when there is nothing to draw."""
    if not entries:
        return ""
    ended = [entry.seconds or 0 for entry in entries if entry.state not in GOING]
    longest = max([*ended, usual or 0]) or 1  # what goes on may become as long as it likes

    def height(seconds: float) -> int:
        return round(LEAST + (HEIGHT - LEAST) * math.sqrt(min(seconds / longest, 1)))

    width = max(len(entries), FEWEST) * PITCH
    shapes = [_bar(place, entry, height(entry.seconds or 0)) for place, entry in enumerate(entries)]
    line: str | SafeString = ""
    if usual:
        line = format_html('<line class="usual" x1="0" x2="{0}" y1="{1}" y2="{1}"/>', width, HEIGHT - height(usual))
    flags = format_html_join(
        "",
        '<path class="mark" d="M{0} 0v{1}m-4 {2}l4-7 4 7z"/>',
        ((min(mark.before * PITCH - (PITCH - WIDTH) // 2, width - 5), HEIGHT, FOOT - 2) for mark in marks),
    )
    return format_html(
        '<svg class="history-chart" viewBox="0 0 {0} {1}" preserveAspectRatio="xMinYMax" role="img" aria-label="{2}">'
        '{3}<line class="axis-line" x1="0" x2="{0}" y1="{4}" y2="{4}"/>{5}{6}</svg>',
        width,
        HEIGHT + FOOT,
        words,
        line,
        HEIGHT,
        joined(shapes),
        flags,
    )


def _bar(place: int, entry: Entry, height: int) -> SafeString:
    left, tone = place * PITCH, STATES.get(entry.state, ("", "quiet", ""))[1]
    if entry.state == "missed":
        shape = format_html(
            '<rect class="hollow" x="{}" y="{}" width="{}" height="{}"/>', left + 1, HEIGHT - HOLLOW, WIDTH - 2, HOLLOW
        )
    elif entry.state in GOING:
        shape = format_html(
            '<path class="going tone-{}" d="M{} {}v-{}m{} 0v{}"/>', tone, left + 1, HEIGHT, height, WIDTH - 2, height
        )
    else:
        parts = [(0, height)] if tone != "bad" else [(0, 5), (8, max(height, 14) - 8)]
        shape = format_html_join(
            "",
            '<rect class="bar-{}" x="{}" y="{}" width="{}" height="{}" rx="1"/>',
            ((tone, left, HEIGHT - bottom - size, WIDTH, size) for bottom, size in parts),
        )
    return format_html('<g data-place="{}"><title>{}</title>{}</g>', place, in_words(entry), shape)


def in_words(entry: Entry) -> str:
    word = STATES.get(entry.state, (entry.state,))[0]
    if entry.execution_id is None:
        at = viewer_zone.local(entry.at)
        return f"{word}, due {at.day} {at:%b, %H:%M} {viewer_zone.label(entry.at)}"
    ran = "" if entry.seconds is None else f", {duration(entry.seconds)}"
    return f"Execution {entry.execution_id}: {word}{ran}"
