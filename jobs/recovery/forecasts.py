"""Keeps what is expected of the coming hour, so that the hour can be compared with it once it is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from jobs.forecast import forecast
from jobs.models import ForecastHour, Job
from scheduler_project.lib import sql

HOUR = timedelta(hours=1)
KEPT = timedelta(days=30)


class Keeper:
    """One candidate's: an hour that is too full for a forecast is tried once and not each minute again."""

    def __init__(self) -> None:
        self._tried: datetime | None = None

    def sweep(self) -> int:
        """Returns how many queues got a forecast."""
        now = sql.now()
        hour = now.replace(minute=0, second=0, microsecond=0) + HOUR
        if hour == self._tried:
            return 0
        ForecastHour.objects.filter(hour__lt=now - KEPT).delete()
        kept = 0 if ForecastHour.objects.filter(hour=hour).exists() else _keep(hour, now)
        self._tried = hour
        return kept


def _keep(hour: datetime, now: datetime) -> int:
    """Nothing of an hour with more ticks than a forecast lists: half of it would look like an error."""
    expected = forecast(Job.objects.all(), since=hour, until=hour + HOUR)
    if not expected.is_complete:
        return 0
    by_queue = {entry.queue: entry for entry in expected.hours}
    queues = set(Job.objects.filter(next_tick_at__isnull=False).values_list("queue", flat=True).order_by().distinct())
    rows = [
        ForecastHour(
            queue=queue,
            hour=hour,
            ticks=by_queue[queue].ticks if queue in by_queue else 0,
            seconds=by_queue[queue].seconds if queue in by_queue else 0.0,
            made_at=now,
        )
        for queue in sorted(queues | set(by_queue))
    ]
    # Another leader of the same minute may have been first.
    return len(ForecastHour.objects.bulk_create(rows, ignore_conflicts=True))
