"""Which other jobs of the tenant are due in the same minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.models import Job
from jobs.rules.schedule import InvalidSchedule, ScheduleSpec, occurrences

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
JUST_BEFORE = timedelta(microseconds=1)
MOST_JOBS = 1_000
MOST_MINUTES = 10
NAMED = 3


@dataclass(frozen=True)
class Collision:
    at: datetime
    jobs: int
    names: tuple[str, ...]


def collisions_of(job: Job, starts: Sequence[datetime], *, now: datetime) -> list[Collision]:
    """For the first starts of the next 24 hours; at most a thousand other jobs are looked at."""
    minutes = list(
        dict.fromkeys(at.replace(second=0, microsecond=0) for at in starts[:MOST_MINUTES] if at <= now + DAY)
    )
    if not minutes:
        return []
    last = minutes[-1] + MINUTE
    others = Job.objects.filter(tenant_id=job.tenant_id, next_tick_at__lt=last).exclude(pk=job.pk)
    found: dict[datetime, list[str]] = {minute: [] for minute in minutes}
    for name, spec in others.order_by("next_tick_at").values_list("name", "spec")[:MOST_JOBS]:
        for minute in minutes:
            if _is_due(spec, minute):
                found[minute].append(name)
    return [Collision(minute, len(names), tuple(names[:NAMED])) for minute, names in found.items() if names]


def _is_due(spec: dict[str, object], minute: datetime) -> bool:
    try:
        due = occurrences(ScheduleSpec.from_json(spec), minute - JUST_BEFORE, minute + MINUTE - JUST_BEFORE)
        return next(due, None) is not None
    except (InvalidSchedule, ValueError, TypeError):
        return False
