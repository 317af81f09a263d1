"""What a schedule will do next, as people read it: due instants with their wall clock, and changes of the clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from jobs.rules.clock_changes import ClockChangeNote, clock_change_notes
from jobs.rules.due import HORIZON, occurrences
from jobs.rules.schedule_spec import ScheduleSpec
from jobs.rules.wording import describe
from jobs.rules.zones import load_zone

# A schedule that is due once in many years must not cost a look at every change of the clocks until then.
NOTES_REACH = timedelta(days=5 * 366)


@dataclass(frozen=True)
class Due:
    due_at: datetime  # UTC
    local: datetime  # the same instant on the schedule's wall clock, with its offset


@dataclass(frozen=True)
class Preview:
    text: str
    timezone: str
    ticks: tuple[Due, ...]
    clock_changes: tuple[ClockChangeNote, ...]


def preview(spec: ScheduleSpec, *, after: datetime, count: int) -> Preview:
    """The next `count` due instants, and the changes of the clocks up to the last of them. Raises InvalidSchedule."""
    zone = load_zone(spec.timezone)
    ticks = tuple(Due(due, due.astimezone(zone)) for due in islice(occurrences(spec, after, HORIZON), count))
    until = min(ticks[-1].due_at, after + NOTES_REACH) if ticks else after
    return Preview(describe(spec), spec.timezone, ticks, tuple(clock_change_notes(spec, after, until)))
