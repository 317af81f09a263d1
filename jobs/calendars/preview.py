"""Which of a job's next ticks a calendar leaves out, whether or not the job names it yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jobs import facts
from jobs.models import Calendar, Job
from jobs.rules.calendar import Closed
from jobs.rules.preview import Due, preview


@dataclass(frozen=True)
class JudgedTick:
    due: Due
    closed: Closed | None

    @property
    def due_at(self) -> datetime:
        return self.due.due_at

    @property
    def local(self) -> datetime:
        return self.due.local


def left_out(calendar: Calendar, job: Job, *, now: datetime, count: int) -> list[JudgedTick]:
    """The job's next ticks, each with why the calendar leaves it out if it does. Raises InvalidSchedule."""
    rules = facts.rules_of(calendar)
    ticks = preview(job.schedule, after=now, count=count).ticks
    return [JudgedTick(due, rules.closed_at(due.due_at)) for due in ticks]
