"""How many jobs start in the same minute as a schedule would, and which minute near it is free."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import QuerySet

from jobs.forecast.upcoming import upcoming
from jobs.models import Job
from jobs.rules import load
from jobs.rules.schedule import ScheduleSpec, load_zone, next_occurrence

HOUR = timedelta(hours=1)
MINUTES = range(60)
SUGGESTED_SPREAD = 300
MOST_JOBS = 10_000


@dataclass(frozen=True)
class Collisions:
    """In the minute of the schedule's next run. `free_cron` is the same schedule at a quieter minute of that hour."""

    at: datetime
    jobs: int
    free_cron: str = ""
    free_local: str = ""
    free_jobs: int = 0
    spread_seconds: int = 0

    @property
    def text(self) -> str:
        if not self.jobs:
            return ""
        count = "1 other job starts" if self.jobs == 1 else f"{self.jobs} other jobs start"
        if self.free_cron:
            quiet = "is free" if not self.free_jobs else f"has only {self.free_jobs}"
            return f"{count} in the same minute; {self.free_local} {quiet}."
        if self.spread_seconds:
            return f"{count} in the same minute; a spread of {self.spread_seconds} seconds would part them."
        return f"{count} in the same minute."


def collisions(
    jobs: QuerySet[Job], spec: ScheduleSpec, *, now: datetime, leaving_out: int | None = None
) -> Collisions | None:
    """Among these jobs, at most MOST_JOBS of them; `leaving_out` is the job whose schedule it is. None when nothing is
    due. Raises InvalidSchedule."""
    at = next_occurrence(spec, now)
    if at is None:
        return None
    others = jobs if leaving_out is None else jobs.exclude(pk=leaving_out)
    # The hour of the schedule's own clock, which in some zones is not an hour of UTC.
    local = at.astimezone(load_zone(spec.timezone))
    since = load.minute_of(at) - timedelta(minutes=local.minute)
    starts = upcoming(others, since=since, until=since + HOUR, most_jobs=MOST_JOBS)
    counts = Counter(int((tick.due_at - since) / load.MINUTE) for tick in starts.ticks if tick.fires)
    found = Collisions(at, counts[local.minute])
    if not found.jobs:
        return found
    minute = spec.cron.partition(" ")[0]
    if spec.kind == "cron" and minute.isdecimal() and not spec.spread_offset_seconds:
        best = load.quietest(counts, local.minute, MINUTES)
        if counts[best] < found.jobs:
            return replace(
                found,
                free_cron=f"{best} {spec.cron.partition(' ')[2]}",
                free_local=f"{local.replace(minute=best):%H:%M}",
                free_jobs=counts[best],
            )
    elif spec.kind in ("cron", "interval") and not spec.spread_seconds:
        return replace(found, spread_seconds=SUGGESTED_SPREAD)
    return found
