"""The console's pages about jobs and what became of them. Importing this registers them with the admin."""

from jobs.admin import (
    backfills,
    beat,
    calendars,
    circuits,
    dead_letters,
    executions,
    jobs,
    maintenance,
    pools,
    replays,
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
    "dead_letters",
    "executions",
    "jobs",
    "maintenance",
    "pools",
    "replays",
    "revisions",
    "schedule_page",
    "ticks",
    "workers",
]
