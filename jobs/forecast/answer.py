"""The forecast itself: expected work per hour and queue, minutes with many starts, and runs at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from jobs import queries
from jobs.forecast.durations import mean_seconds
from jobs.forecast.upcoming import MOST_TICKS, Upcoming, upcoming
from jobs.models import Job, Worker
from jobs.rules import load
from jobs.rules.load import Herd, HourOfQueue, Peak, Start
from scheduler_project.lib import sql

HERDS = 10


@dataclass(frozen=True)
class Forecast:
    upcoming: Upcoming
    hours: tuple[HourOfQueue, ...]
    herds: tuple[Herd, ...]
    peak: Peak
    processes: int  # that the workers have for runs, all queues together
    held_back: int  # ticks that will not fire
    unknown: int  # ticks whose duration nobody knows
    job_names: dict[int, str]  # of those that the herds name

    @property
    def since(self) -> datetime:
        return self.upcoming.since

    @property
    def until(self) -> datetime:
        return self.upcoming.until

    @property
    def is_complete(self) -> bool:
        return self.upcoming.is_complete


def forecast(
    jobs: QuerySet[Job],
    *,
    since: datetime,
    until: datetime,
    queue: str = "",
    herds: int = HERDS,
    most_ticks: int = MOST_TICKS,
) -> Forecast:
    """What these jobs will do with since <= due < until, as far as `upcoming` reaches."""
    if queue:
        jobs = jobs.filter(queue=queue)
    found = upcoming(jobs, since=since, until=until, most_ticks=most_ticks)
    starts = starts_of(found)
    fullest = tuple(load.herds(starts, since=found.since, until=found.until, most=herds))
    shown = {job_id for herd in fullest for job_id in herd.job_ids}
    return Forecast(
        upcoming=found,
        hours=tuple(load.by_hour(starts)),
        herds=fullest,
        peak=load.peak(starts),
        processes=processes(queue),
        held_back=len(found.ticks) - len(starts),
        unknown=sum(start.seconds is None for start in starts),
        job_names={tick.job.pk: tick.job.name for tick in found.ticks if tick.job.pk in shown},
    )


def starts_of(found: Upcoming) -> list[Start]:
    """The ticks that will fire, with how long each should run."""
    jobs = {tick.job.pk: tick.job for tick in found.ticks if tick.fires}
    seconds = mean_seconds(jobs.values())
    return [
        Start(tick.job.pk, tick.job.queue, tick.due_at, seconds.get(tick.job.pk)) for tick in found.ticks if tick.fires
    ]


def processes(queue: str = "") -> int:
    """How many runs the workers that report can have at once."""
    alive = Worker.objects.filter(stopped_at=None, heartbeat_at__gte=sql.now() - queries.heartbeat_limit())
    if queue:
        alive = alive.filter(queues__contains=[queue])
    return sum(alive.values_list("concurrency", flat=True))
