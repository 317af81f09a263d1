"""How many runs the schedules ask for in the next hours. Each schedule is walked once for all jobs that share it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from jobs.models import Job
from jobs.rules.schedule import ScheduleSpec, occurrences

SLOT = timedelta(minutes=30)
DAY = timedelta(days=1)
JUST_BEFORE = timedelta(microseconds=1)
MOST_INSTANTS = 60_000
MOST_JOBS = 20_000


@dataclass(frozen=True)
class Slot:
    since: datetime
    until: datetime
    runs: int


@dataclass(frozen=True)
class Density:
    slots: tuple[Slot, ...]
    is_complete: bool

    @property
    def runs(self) -> int:
        return sum(slot.runs for slot in self.slots)

    @property
    def fullest(self) -> Slot | None:
        return max(self.slots, key=lambda slot: slot.runs) if self.runs else None


def density(jobs: QuerySet[Job], *, now: datetime, length: timedelta = DAY) -> Density:
    """By the half hour from the one of `now`. Calendars, gates and limits are not asked: it is what is asked for."""
    first = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
    until = first + length
    due = jobs.filter(next_tick_at__lt=until, paused_at=None).order_by("next_tick_at")  # so are those of each schedule
    found = list(due.values_list("spec", "next_tick_at")[: MOST_JOBS + 1])
    schedules = _by_schedule(found[:MOST_JOBS])
    runs: Counter[int] = Counter()
    left = MOST_INSTANTS
    for spec, starts in schedules:
        for instant in occurrences(spec, now, until - JUST_BEFORE):
            left -= 1
            runs[(instant - first) // SLOT] += bisect_right(starts, instant)
            if not left:
                break
        if not left:
            break
    slots = tuple(
        Slot(first + place * SLOT, first + (place + 1) * SLOT, runs[place]) for place in range(length // SLOT)
    )
    return Density(slots, is_complete=left > 0 and len(found) <= MOST_JOBS)


def _by_schedule(rows: Iterable[tuple[Any, datetime | None]]) -> list[tuple[ScheduleSpec, list[datetime]]]:
    """Those that most jobs have first, so that what has to be left out is little."""
    found: dict[str, tuple[ScheduleSpec, list[datetime]]] = {}
    for spec, start in rows:
        assert start is not None
        key = repr(sorted(spec.items()))
        if key not in found:
            try:
                found[key] = ScheduleSpec.from_json(spec), []
            except Exception:  # noqa: BLE001, S112  what cannot be read is never due; the ledger says so of the job
                continue
        found[key][1].append(start)
    return sorted(found.values(), key=lambda schedule: -len(schedule[1]))
