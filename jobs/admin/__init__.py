"""The console's pages about jobs and what became of them. Importing this registers them with the admin."""

from jobs.admin import beat, calendars, executions, jobs, maintenance, revisions, ticks, workers

__all__ = ["beat", "calendars", "executions", "jobs", "maintenance", "revisions", "ticks", "workers"]
