"""The occurrence engine: which instants a schedule is due at, for firing, preview, backfill and every other question.

This is the door; each idea has its own file: the expression (`cron_syntax`, `cron`, `cron_spelling`), the zones and
their changes (`zones`, `wall_clock`), the spec and its checks (`schedule_spec`, `schedule_input`), the walk (`due`),
and what is told to people (`wording`, `clock_changes`).
"""

from jobs.rules.clock_changes import ClockChangeNote, clock_change_notes
from jobs.rules.cron_spelling import cron_from_sets
from jobs.rules.due import HORIZON, latest, next_occurrence, occurrences, spread_offset
from jobs.rules.schedule_spec import InvalidSchedule, ScheduleSpec
from jobs.rules.wording import describe
from jobs.rules.zones import load_zone, tzdata_version

# Goes up with every change after which some schedule is due at another instant.
ENGINE_VERSION = "1"

__all__ = [
    "ENGINE_VERSION",
    "HORIZON",
    "ClockChangeNote",
    "InvalidSchedule",
    "ScheduleSpec",
    "clock_change_notes",
    "cron_from_sets",
    "describe",
    "latest",
    "load_zone",
    "next_occurrence",
    "occurrences",
    "spread_offset",
    "tzdata_version",
]
