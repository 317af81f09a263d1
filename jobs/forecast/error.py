"""The last hour that a forecast was kept for, beside what really happened in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.models import ForecastHour
from jobs.rules import load
from scheduler_project.lib import sql

HOUR = timedelta(hours=1)

# By the index of tenant and due instant, so that a month of ticks is not read for an hour of them.
HAPPENED = """
SELECT e.queue, count(*) AS ticks,
       coalesce(sum(extract(epoch FROM coalesce(e.finished_at, clock_timestamp()) - e.started_at)), 0)::float AS seconds
FROM tenants n
JOIN ticks t ON t.tenant_id = n.id AND t.due_at >= %(since)s AND t.due_at < %(until)s AND t.outcome IN ('fired', 'late')
JOIN job_executions e ON e.id = t.execution_id
GROUP BY e.queue
"""


@dataclass(frozen=True)
class QueueError:
    queue: str
    expected_ticks: int
    ticks: int
    expected_seconds: float
    seconds: float

    @property
    def ticks_percent(self) -> float | None:
        return load.error_percent(self.expected_ticks, self.ticks)

    @property
    def seconds_percent(self) -> float | None:
        return load.error_percent(self.expected_seconds, self.seconds)


@dataclass(frozen=True)
class ForecastError:
    hour: datetime
    queues: tuple[QueueError, ...]

    @property
    def total(self) -> QueueError:
        return QueueError(
            "",
            sum(queue.expected_ticks for queue in self.queues),
            sum(queue.ticks for queue in self.queues),
            sum(queue.expected_seconds for queue in self.queues),
            sum(queue.seconds for queue in self.queues),
        )


def last_error(*, now: datetime, queues: Collection[str] | None = None) -> ForecastError | None:
    """Of the newest hour that is over and has a forecast; of these queues, when they are named. None while there is
    no such hour."""
    kept = ForecastHour.objects.filter(hour__lte=now - HOUR)
    newest = kept.order_by("-hour").first()
    if newest is None:
        return None
    expected = {row.queue: row for row in kept.filter(hour=newest.hour)}
    window = {"since": newest.hour, "until": newest.hour + HOUR}
    happened = {row["queue"]: row for row in sql.rows(HAPPENED, window)}
    names = sorted(name for name in expected.keys() | happened.keys() if queues is None or name in queues)
    return ForecastError(newest.hour, tuple(_compared(name, expected.get(name), happened.get(name)) for name in names))


def _compared(queue: str, expected: ForecastHour | None, happened: sql.Row | None) -> QueueError:
    return QueueError(
        queue,
        expected.ticks if expected else 0,
        happened["ticks"] if happened else 0,
        expected.seconds if expected else 0.0,
        happened["seconds"] if happened else 0.0,
    )
