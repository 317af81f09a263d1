"""The calendar: each day of a month with what happened, what is due, and what stays closed."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from jobs import agenda
from jobs.admin.schedule.asked import Asked
from jobs.forecast.upcoming import READ
from jobs.models import Blackout, Job, Maintenance

MOST_JOBS = 5_000
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Day:
    day: date
    is_in_month: bool
    is_today: bool
    counts: Mapping[str, int]  # by state; `due` and `held` for what comes
    closed: tuple[str, ...]

    @property
    def worst(self) -> str:
        return next(
            (state for state in agenda.STATES if self.counts.get(state)), "due" if self.counts.get("due") else ""
        )

    @property
    def happened(self) -> int:
        return sum(self.counts.get(state, 0) for state in agenda.STATES)


def context_of(jobs: QuerySet[Job], asked: Asked, *, tenant_ids: Sequence[int], now: datetime) -> dict[str, Any]:
    days = calendar.Calendar().monthdatescalendar(asked.day.year, asked.day.month)
    flat = [day for week in days for day in week]
    edges = [asked.midnight(day) for day in [*flat, flat[-1] + timedelta(days=1)]]
    past = [*(edge for edge in edges if edge < now), *([now] if edges[0] < now < edges[-1] else [])]
    if past and edges[-1] <= now:
        past = edges
    job_ids = list(jobs.order_by().values_list("pk", flat=True)) if asked.filters else None
    happened = agenda.counts(tenant_ids, past, job_ids=job_ids)
    future = [*([now] if edges[0] < now < edges[-1] else []), *(edge for edge in edges if edge >= now)]
    counted = list(jobs.filter(next_tick_at__lt=edges[-1]).only(*READ).order_by("next_tick_at", "id")[: MOST_JOBS + 1])
    is_cut = len(counted) > MOST_JOBS
    expected = agenda.expect(counted[:MOST_JOBS], future) if len(future) > 1 else None
    first = len(flat) - (len(future) - 1)
    closed = _closed(tenant_ids, edges)
    today = now.astimezone(asked.zone).date()
    shown = []
    for place, day in enumerate(flat):
        counts = dict(happened.by_place.get(place, {}))
        if expected is not None and place >= first:
            counts |= {"due": expected.fires[place - first], "held": expected.held[place - first]}
        shown.append(Day(day, day.month == asked.day.month, day == today, counts, closed.get(place, ())))
    return {
        "weekdays": WEEKDAYS,
        "weeks": [shown[start : start + 7] for start in range(0, len(shown), 7)],
        "month": asked.day,
        "previous": asked.address(day=(asked.day.replace(day=1) - timedelta(days=1)).replace(day=1)),
        "next": asked.address(day=(asked.day.replace(day=28) + timedelta(days=4)).replace(day=1)),
        "is_this_month": (today.year, today.month) == (asked.day.year, asked.day.month),
        "left_out": expected.left_out if expected else 0,
        "is_cut": is_cut,
        "past_is_cut": not happened.is_complete,
    }


def _closed(tenant_ids: Sequence[int], edges: Sequence[datetime]) -> dict[int, tuple[str, ...]]:
    """Names of the blackouts and the maintenance of each day."""
    blackouts = Blackout.objects.filter(
        calendar__tenant_id__in=tenant_ids, starts_at__lt=edges[-1], ends_at__gt=edges[0]
    )
    windows = [(one.starts_at, one.ends_at, one.name) for one in blackouts.order_by("starts_at", "name")]
    for one in Maintenance.objects.filter(started_at__lt=edges[-1]).order_by("started_at"):
        ends = one.ends_at or edges[-1]
        if ends > edges[0]:
            windows.append((one.started_at, ends, "Maintenance"))
    found: dict[int, tuple[str, ...]] = {}
    for place in range(len(edges) - 1):
        names = [name for starts, ends, name in windows if starts < edges[place + 1] and ends > edges[place]]
        if names:
            found[place] = tuple(dict.fromkeys(names))
    return found
