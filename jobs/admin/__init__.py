"""The console's pages about jobs and what became of them, a folder for each area. Importing this registers them."""

from importlib import import_module

PAGES = (
    *("beat", "circuits", "maintenance", "pools", "ticks"),
    *("backfills.admin", "calendars.admin", "dead_letters.admin", "dead_letters.replays", "executions.admin"),
    *("jobs.admin", "jobs.revisions", "pipelines.admin", "schedule.page"),
    *("webhooks.admin", "webhooks.event_hooks", "workers.page"),
)

for page in PAGES:
    import_module(f"jobs.admin.{page}")
