"""What a dashboard shows of the scheduling: figures, what needs a person, what runs, what comes, and what happened."""

from jobs.dashboard.events import find_events, named
from jobs.dashboard.figures import JOB_STATES, WINDOWS, Stats, Window, stats
from jobs.dashboard.tree import GROUPS, Leaves, Place, job_leaves

__all__ = [
    "GROUPS",
    "JOB_STATES",
    "WINDOWS",
    "Leaves",
    "Place",
    "Stats",
    "Window",
    "find_events",
    "job_leaves",
    "named",
    "stats",
]
