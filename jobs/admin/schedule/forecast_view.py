"""The forecast: what happened lately and what comes, as a density and a row for each job; and the crowded minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.safestring import SafeString

from jobs import agenda
from jobs.admin.charts import agenda as pictures
from jobs.admin.charts.agenda import Axis
from jobs.admin.schedule.asked import RANGES, Asked
from jobs.agenda import Expected, Planned
from jobs.forecast.upcoming import READ
from jobs.models import Job, JobRevision, Tick
from scheduler_project.lib import markup, viewer_zone

ROWS = 25
MOST_JOBS = 5_000
PLACES = 600  # of the marks along a row
CROWDS = 6
CROWDED_HOURS = 24
# Changes after which a job is due at other instants, or does something else.
NOT_A_CHANGE = ("resumed", "paused")

LEGEND = (
    ("ran", "Ran"), ("failed", "Failed"), ("running", "Running"), ("missed", "Missed"), ("skipped", "Skipped"),
    ("due", "To come"), ("held", "Will be held back"), ("closed", "Blackout"), ("change", "Job changed"),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    job: Job
    picture: SafeString
    next_at: datetime | None
    happened: Mapping[str, int]
    planned: Planned
    to_come: int
    held: int
    changed: JobRevision | None


@dataclass(frozen=True)
class Stretch:
    since: datetime
    until: datetime
    counts: Mapping[str, int]


def context_of(jobs: QuerySet[Job], asked: Asked, *, tenant_ids: Sequence[int], now: datetime) -> dict[str, Any]:
    axis = asked.axis(now)
    counted = list(jobs.filter(next_tick_at__lt=axis.until).only(*READ).order_by("next_tick_at", "id")[: MOST_JOBS + 1])
    is_cut = len(counted) > MOST_JOBS
    expected = _future(counted[:MOST_JOBS], axis, now)
    edges, past = axis.edges(), [edge for edge in axis.edges() if edge < now] + [now]
    job_ids = list(jobs.order_by().values_list("pk", flat=True)) if asked.filters else None
    happened = agenda.counts(tenant_ids, past, job_ids=job_ids)
    first = len(past) - 2
    fires = {first + place: count for place, count in enumerate(expected.fires) if count}
    held = {first + place: count for place, count in enumerate(expected.held) if count}
    totals = Counter[str]()
    for states in happened.by_place.values():
        totals.update(states)
    totals["due"], totals["held"] = sum(expected.fires), sum(expected.held)
    rows, pages = _rows(jobs, asked, axis, now)
    by_minute = agenda.expect(agenda.may_crowd(counted[:MOST_JOBS]), agenda.minutes(now, CROWDED_HOURS))
    return {
        "legend": LEGEND,
        "ranges": [(words, asked.address(range=_said(span)), span) for span, words in RANGES.items()],
        "table_address": asked.address(**{"as": "table"}),
        "chart_address": asked.address(**{"as": None}),
        "previous_page": asked.address(page=pages.number - 1) if pages.number > 1 else "",
        "next_page": asked.address(page=pages.number + 1) if pages.number < pages.count else "",
        "axis_labels": axis.labels(),
        "totals": totals,
        "density": pictures.density(
            axis, edges, happened.by_place, fires, held, now=now,
            label=f"Runs from {_worded(axis.since, now)} to {_worded(axis.until, now)}: {pictures.in_words(totals)}",
        ),
        "stretches": _stretches(edges, happened.by_place, fires, held) if asked.as_table else [],
        "rows": rows,
        "pages": pages,
        "is_cut": is_cut,
        "left_out": expected.left_out,
        "past_is_cut": not happened.is_complete,
        "crowds": agenda.crowds(by_minute, most=CROWDS),
        "crowds_left_out": by_minute.left_out,
    }  # fmt: skip


def _future(jobs: Sequence[Job], axis: Axis, now: datetime) -> Expected:
    return agenda.expect(jobs, [now, *(edge for edge in axis.edges() if edge > now)])


@dataclass(frozen=True)
class Pages:
    number: int
    count: int
    jobs: int


def _rows(jobs: QuerySet[Job], asked: Asked, axis: Axis, now: datetime) -> tuple[list[Row], Pages]:
    """The jobs that were or will be due within the axis, the next first, a page of them."""
    ticked = Tick.objects.filter(job_id=OuterRef("pk"), due_at__gte=axis.since, due_at__lt=now)
    on_axis = jobs.filter(Q(next_tick_at__lt=axis.until) | Exists(ticked)).order_by("next_tick_at", "name", "id")
    count = on_axis.count()
    pages = Pages(min(asked.page, max(-(-count // ROWS), 1)), max(-(-count // ROWS), 1), count)
    start = (pages.number - 1) * ROWS
    shown = list(on_axis.only(*READ)[start : start + ROWS])
    ids = [job.pk for job in shown]
    size = (axis.until - axis.since).total_seconds() / PLACES
    marks = agenda.marks(ids, since=axis.since, until=now, size=size)
    planned = agenda.plan_rows(shown, since=now, until=axis.until)
    revisions = _changes(ids, axis.since, now)
    return [
        _row(job, axis, marks[job.pk], planned[job.pk], revisions.get(job.pk, []), size, now) for job in shown
    ], pages


def _row(
    job: Job, axis: Axis, marks: Mapping[int, Mapping[str, int]], planned: Planned,
    changes: Sequence[JobRevision], size: float, now: datetime,
) -> Row:  # fmt: skip
    happened = Counter[str]()
    for states in marks.values():
        happened.update(states)
    counts = {
        **happened,
        "due": 0 if planned.is_band else len(planned.due),
        "held": 0 if planned.is_band else len(planned.held),
    }
    words = (
        pictures.in_words(counts) if not planned.is_band else f"{pictures.in_words(happened)}, more than 500 to come"
    )
    next_at = next(iter(planned.due), None)
    picture = pictures.row(
        axis, marks, planned, size=size, now=now, changes=[one.valid_from for one in changes], grid=axis.labels(),
        label=words,
    )  # fmt: skip
    return Row(job, picture, next_at, happened, planned, counts["due"], counts["held"], changes[0] if changes else None)


def _changes(job_ids: Sequence[int], since: datetime, until: datetime) -> dict[int, list[JobRevision]]:
    """The newest first."""
    found: dict[int, list[JobRevision]] = {}
    revisions = JobRevision.objects.filter(
        job_id__in=job_ids, valid_from__gte=since, valid_from__lt=until, number__gt=1
    )
    for revision in revisions.exclude(change__in=NOT_A_CHANGE).order_by("-valid_from").defer("definition"):
        found.setdefault(revision.job_id, []).append(revision)
    return found


def _stretches(
    edges: Sequence[datetime],
    happened: Mapping[int, Mapping[str, int]],
    fires: Mapping[int, int],
    held: Mapping[int, int],
) -> list[Stretch]:
    found = []
    for place, (start, end) in enumerate(pairwise(edges)):
        counts = {**happened.get(place, {}), "due": fires.get(place, 0), "held": held.get(place, 0)}
        if any(counts.values()):
            found.append(Stretch(start, end, counts))
    return found


def _said(span: str) -> str | None:
    return None if span == "24h" else span


def _worded(at: datetime, now: datetime) -> str:
    return markup.absolute(viewer_zone.local(at), now=now, zone=viewer_zone.label(at))
