"""What a dashboard shows of the scheduling: figures, what needs a person, what runs, what comes, and what happened."""

from jobs.dashboard.concerns import (
    Cause,
    Deviations,
    HeldJobs,
    count_letters,
    find_causes,
    find_deviations,
    find_held_jobs,
)
from jobs.dashboard.events import find_events, named
from jobs.dashboard.figures import JOB_STATES, WINDOWS, Stats, Window, stats
from jobs.dashboard.history import Ended, days, hours, last_day_and_before
from jobs.dashboard.next_day import Density, density
from jobs.dashboard.running import Running, RunningRun, find_running
from jobs.dashboard.tree import GROUPS, Branch, Leaves, Place, branches, job_leaves

__all__ = [
    "GROUPS",
    "JOB_STATES",
    "WINDOWS",
    "Branch",
    "Cause",
    "Density",
    "Deviations",
    "Ended",
    "HeldJobs",
    "Leaves",
    "Place",
    "Running",
    "RunningRun",
    "Stats",
    "Window",
    "branches",
    "count_letters",
    "days",
    "density",
    "find_causes",
    "find_deviations",
    "find_events",
    "find_held_jobs",
    "find_running",
    "hours",
    "job_leaves",
    "last_day_and_before",
    "named",
    "stats",
]
