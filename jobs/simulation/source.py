"""The jobs to simulate: from the database, with how long they ran lately, or from a JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from jobs.facts import Surroundings, maintenance_windows
from jobs.models import Job
from jobs.planner import Pause
from jobs.rules.calendar import CalendarRules, MaintenanceWindow
from jobs.rules.policy import InvalidPolicy, JobPolicy
from jobs.rules.schedule import InvalidSchedule, ScheduleSpec, spread_offset
from jobs.simulation.engine import SimulatedJob
from scheduler_project.lib import sql

SHORTEST = timedelta(seconds=1)

# The range instead of an equality keeps PostgreSQL from walking the whole table backwards for a job that ran seldom.
MEAN = """
SELECT j.id AS job_id, avg(e.seconds) AS seconds
FROM unnest(%(jobs)s::bigint[]) AS j(id)
CROSS JOIN LATERAL (
    SELECT extract(epoch FROM finished_at - started_at)::float AS seconds FROM job_executions
    WHERE job_id BETWEEN j.id AND j.id AND NOT dry_run AND started_at IS NOT NULL AND finished_at IS NOT NULL
    ORDER BY job_id, id DESC LIMIT 20
) e
GROUP BY j.id
"""


class BadDocument(ValueError):
    """The JSON document does not describe jobs."""


def simulated(
    jobs: Sequence[Job], *, start: datetime, end: datetime, duration: timedelta | None = None
) -> tuple[list[SimulatedJob], tuple[MaintenanceWindow, ...]]:
    """As they stand now; runs that wait or run now are left out. Raises what a stored schedule raises."""
    surroundings = Surroundings(jobs, since=start, now=end, active=False)
    lengths = {
        row["job_id"]: timedelta(seconds=row["seconds"]) for row in sql.rows(MEAN, {"jobs": [j.pk for j in jobs]})
    }
    found = []
    for job in jobs:
        facts = surroundings.facts(job, next_tick_at=start)
        found.append(
            SimulatedJob(
                name=job.slug,
                spec=facts.spec,
                policy=facts.policy,
                duration=duration or lengths.get(job.pk, SHORTEST),
                fired_count=facts.fired_count,
                pause=facts.pause,
                mode=facts.mode,
                calendars=facts.calendars,
            )
        )
    return found, maintenance_windows(start, end)


def with_policy(job: SimulatedJob, changes: Mapping[str, Any]) -> SimulatedJob:
    """Raises InvalidPolicy."""
    return replace(job, policy=JobPolicy.parse({**job.policy.to_json(), **changes})) if changes else job


def read(
    document: object, *, duration: timedelta | None = None
) -> tuple[list[SimulatedJob], tuple[MaintenanceWindow, ...]]:
    """`{"jobs": [{"name", "schedule", "policies", "duration_seconds", "calendars", "paused"}], "maintenance": […]}`, or
    only the list of jobs. Raises BadDocument."""
    whole = {"jobs": document} if isinstance(document, list) else document
    if not isinstance(whole, Mapping) or not isinstance(whole.get("jobs"), list):
        raise BadDocument('Write a list of jobs, or an object with "jobs".')
    jobs = [_job(number, given, duration) for number, given in enumerate(whole["jobs"], start=1)]
    windows = [_guarded(f"maintenance {n}", _window, w) for n, w in enumerate(whole.get("maintenance", []), start=1)]
    return jobs, tuple(windows)


def _job(number: int, given: Any, duration: timedelta | None) -> SimulatedJob:
    if not isinstance(given, Mapping) or not isinstance(given.get("schedule"), Mapping):
        raise BadDocument(f'Job {number}: write an object with "name" and "schedule".')
    read_job: SimulatedJob = _guarded(f"Job {number}", lambda one: _read_job(number, one, duration), given)
    return read_job


def _read_job(number: int, given: Mapping[str, Any], duration: timedelta | None) -> SimulatedJob:
    name = str(given.get("name") or f"job-{number}")
    spec = ScheduleSpec.parse(given["schedule"], min_interval_seconds=1)
    length = timedelta(seconds=float(given.get("duration_seconds", SHORTEST.total_seconds())))
    return SimulatedJob(
        name=name,
        spec=replace(spec, spread_offset_seconds=spread_offset(name, spec.spread_seconds)),
        policy=JobPolicy.parse(given.get("policies", {})),
        duration=duration or length,
        pause=Pause("the document") if given.get("paused") else None,
        calendars=tuple(_calendar(one) for one in given.get("calendars", [])),
    )


def _calendar(given: Mapping[str, Any]) -> CalendarRules:
    return CalendarRules(
        slug=str(given.get("slug", "calendar")),
        name=str(given.get("name", given.get("slug", "calendar"))),
        timezone=given.get("timezone", "UTC"),
        weekdays=frozenset(given.get("weekdays", [])),
        holidays={date.fromisoformat(day): name for day, name in given.get("holidays", {}).items()},
        blackouts=tuple(
            (instant(one["starts_at"]), instant(one["ends_at"]), one.get("name", "Blackout"))
            for one in given.get("blackouts", [])
        ),
    )


def _window(given: Mapping[str, Any]) -> MaintenanceWindow:
    until = given.get("until")
    note = str(given.get("note", ""))
    return MaintenanceWindow(instant(given["since"]), "the document", note, instant(until) if until else None)


def instant(text: str) -> datetime:
    """ISO 8601; UTC unless it carries its offset. Raises ValueError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text}: write an instant, such as 2026-11-01T05:00:00Z.") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _guarded(what: str, reader: Any, given: Any) -> Any:
    try:
        return reader(given)
    except (InvalidSchedule, InvalidPolicy, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadDocument(f"{what}: {error}") from error
