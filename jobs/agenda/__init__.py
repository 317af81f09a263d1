"""What was due and what became of it, and what will be due: of many jobs, along one axis of time. Every answer is
bounded, and says what it left out."""

from jobs.agenda.crowds import Crowd, Move, crowds, may_crowd, minutes
from jobs.agenda.expected import Expected, expect
from jobs.agenda.happened import STATES, counts, instants, marks
from jobs.agenda.planned import Planned, plan_rows

__all__ = [
    "STATES",
    "Crowd",
    "Expected",
    "Move",
    "Planned",
    "counts",
    "crowds",
    "expect",
    "instants",
    "marks",
    "may_crowd",
    "minutes",
    "plan_rows",
]
