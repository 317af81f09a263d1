"""Calendars of a tenant: what is read of them, every change, and which ticks of a job one leaves out."""

from jobs.calendars.changes import CalendarChanged, CalendarInUse, change, create, delete, jobs_of
from jobs.calendars.preview import left_out
from jobs.calendars.reader import FIELDS, InvalidCalendar

__all__ = [
    "FIELDS",
    "CalendarChanged",
    "CalendarInUse",
    "InvalidCalendar",
    "change",
    "create",
    "delete",
    "jobs_of",
    "left_out",
]
