"""The console's pages about jobs and what became of them. Importing this registers them with the admin."""

from jobs.admin import (
    backfills,
    beat,
    calendars,
    circuits,
    executions,
    jobs,
    maintenance,
    pools,
    revisions,
    schedule_page,
    ticks,
    workers,
)

__all__ = [
    "backfills",
    "beat",
    "calendars",
    "circuits",
    "executions",
    "jobs",
    "maintenance",
    "pools",
    "revisions",
    "schedule_page",
    "ticks",
    "workers",
]
