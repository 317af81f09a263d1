"""The django-celery-beat tables as they stand: what a row holds, a fingerprint of it, and what we remember of it.

Read by SQL: one row that Django cannot load (a time zone that is none) would hide all the others of its query.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scheduler_project.lib import sql

JOINED = """
    django_celery_beat_periodictask p
    LEFT JOIN django_celery_beat_intervalschedule i ON i.id = p.interval_id
    LEFT JOIN django_celery_beat_crontabschedule c ON c.id = p.crontab_id
    LEFT JOIN django_celery_beat_clockedschedule k ON k.id = p.clocked_id
    LEFT JOIN django_celery_beat_solarschedule s ON s.id = p.solar_id
"""

# Of all that a row decides. Not of what beat notes in it, nor of `enabled`, which is switched off after a one-off run.
# The number in front is for a release that reads rows in another way: it makes every row look changed.
CONTENT = """
    md5(jsonb_build_array(1, p.name, p.task, p.args, p.kwargs, p.queue, p.exchange, p.routing_key, p.headers,
        p.priority, extract(epoch FROM p.expires), p.expire_seconds, extract(epoch FROM p.start_time), p.one_off,
        i.every, i.period, c.minute, c.hour, c.day_of_month, c.month_of_year, c.day_of_week, c.timezone,
        extract(epoch FROM k.clocked_time), s.event, s.latitude, s.longitude)::text)
"""

FIND = f"""
SELECT p.id, p.name, p.description, p.task, p.args, p.kwargs, p.queue, p.exchange, p.routing_key, p.headers, p.priority,
       p.expires, p.expire_seconds, p.start_time, p.one_off, p.enabled, p.last_run_at, p.date_changed,
       p.interval_id, p.crontab_id, p.clocked_id, p.solar_id, i.every, i.period, c.minute, c.hour, c.day_of_month,
       c.month_of_year, c.day_of_week, c.timezone, k.clocked_time, {CONTENT} AS content
FROM {JOINED} WHERE p.id = %(id)s
"""  # noqa: S608

REMEMBER = """
INSERT INTO beat_rows (job_id, content, is_enabled, last_run_at, fired_count)
SELECT id, %(content)s, %(enabled)s, %(last_run_at)s, fired_count FROM dynamic_jobs WHERE id = %(job)s
ON CONFLICT (job_id) DO UPDATE SET content = excluded.content, is_enabled = excluded.is_enabled
"""


@dataclass(frozen=True)
class Row:
    """A PeriodicTask with the schedule rows that it names."""

    id: int
    name: str
    description: str
    task: str
    args: str | None
    kwargs: str | None
    queue: str | None
    exchange: str | None
    routing_key: str | None
    headers: str | None
    priority: int | None
    expires: datetime | None
    expire_seconds: int | None
    start_time: datetime | None
    one_off: bool
    enabled: bool
    last_run_at: datetime | None
    date_changed: datetime
    interval_id: int | None
    crontab_id: int | None
    clocked_id: int | None
    solar_id: int | None
    every: int | None
    period: str | None
    minute: str | None
    hour: str | None
    day_of_month: str | None
    month_of_year: str | None
    day_of_week: str | None
    timezone: str | None
    clocked_time: datetime | None
    content: str


def find(row_id: int) -> Row | None:
    found = sql.row(FIND, {"id": row_id})
    return Row(**found) if found else None


def remember(job_id: int, row: Row) -> None:
    """Note what the row holds; from now on anything else in it is a change by others."""
    sql.rows(
        REMEMBER,
        {"job": job_id, "content": row.content, "enabled": row.enabled, "last_run_at": row.last_run_at},
    )
