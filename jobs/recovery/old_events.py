"""Drops the events of the scheduling, and the hourly sums of runs, that are older than they are kept."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from jobs.models import RunHour
from scheduler_project.lib import partitions, sql, transactions

EVERY = timedelta(minutes=10)
HOURS_KEPT = timedelta(days=90)
WEEK = timedelta(days=7)  # of one partition

# Whoever counts in between waits for the lock on the counters; so the sum of what is left stays right.
REMEMBER = """
WITH dropped AS (
    SELECT type, coalesce(tenant_id, 0) AS tenant_id, sum(count) AS count FROM {week} GROUP BY 1, 2 ORDER BY 1, 2
)
UPDATE scheduler_counters c SET dropped = c.dropped + d.count FROM dropped d
WHERE c.type = d.type AND c.tenant_id = d.tenant_id
"""


def sweep() -> int:
    """Returns how many weeks were dropped."""
    now = sql.now()
    RunHour.objects.filter(hour__lt=now - HOURS_KEPT).delete()
    oldest = (now - timedelta(days=settings.DAYBOOK_SCHEDULER_EVENTS_KEPT_DAYS)).date()
    over = [week for week, first in partitions.dated("scheduler_events") if first + WEEK <= oldest]
    for week in over:
        with transactions.engine():
            sql.script("SET LOCAL lock_timeout = '200ms'")  # everybody who adds an event waits behind this
            sql.script(f"LOCK TABLE {week} IN ACCESS EXCLUSIVE MODE")
            sql.rows(REMEMBER.format(week=week))
            sql.script(f"DROP TABLE {week}")
    return len(over)
