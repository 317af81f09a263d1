"""The console's pages about jobs and what became of them. Importing this registers them with the admin."""

from jobs.admin import (
    backfills,
    beat,
    calendars,
    circuits,
    dead_letters,
    event_hooks,
    executions,
    jobs,
    maintenance,
    pools,
    replays,
    revisions,
    schedule_page,
    ticks,
    webhooks,
    workers,
)

__all__ = [
    "backfills",
    "beat",
    "calendars",
    "circuits",
    "dead_letters",
    "event_hooks",
    "executions",
    "jobs",
    "maintenance",
    "pools",
    "replays",
    "revisions",
    "schedule_page",
    "ticks",
    "webhooks",
    "workers",
]
