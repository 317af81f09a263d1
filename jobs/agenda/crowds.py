"""The fullest minutes, the free ones near them, and for each job of a crowd a schedule that leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jobs.agenda.expected import Expected, by_place, starts_by_job
from jobs.models import Job
from jobs.rules.load import MINUTE
from jobs.rules.schedule import ScheduleSpec, load_zone

NEAR = 30
MOST_SHOWN = 12
SPREAD = timedelta(minutes=5)
DAY = 86_400
EVERYWHERE = 240  # a job with more minutes than that crowds no single one of them


@dataclass(frozen=True)
class Move:
    """One job of a crowd, and what it could become: another minute of the same hour, else a spread; else nothing."""

    job: Job
    cron: str = ""
    to: datetime | None = None
    spread_seconds: int = 0


@dataclass(frozen=True)
class Crowd:
    minute: datetime
    starts: int
    free: tuple[datetime, ...]  # minutes within half an hour in which nothing starts, the nearest first
    moves: tuple[Move, ...]

    @property
    def more(self) -> int:
        return self.starts - len(self.moves)


def may_crowd(jobs: Sequence[Job]) -> list[Job]:
    """Without those that are everywhere, as far as that is seen without a walk."""
    return [job for job in jobs if not 0 < job.spec.get("every_seconds", 0) * EVERYWHERE < DAY]


def crowds(found: Expected, *, most: int) -> list[Crowd]:
    """`found` is by the minute, of a day."""
    found = replace(found, by_job=[(job, places) for job, places in found.by_job if len(places) <= EVERYWHERE])
    jobs = by_place(found)
    full = sorted((place for place, count in jobs.items() if count > 1), key=lambda place: (-jobs[place], place))
    return [_crowd(found, jobs, place) for place in full[:most]]


def _crowd(found: Expected, jobs: dict[int, int], place: int) -> Crowd:
    around = sorted(
        range(max(place - NEAR, 0), min(place + NEAR, len(found.edges) - 2) + 1),
        key=lambda other: (abs(other - place), -other),
    )
    free = tuple(found.edges[other] for other in around if not jobs.get(other))
    minute = found.edges[place]
    named = sorted(starts_by_job(found, place), key=lambda job: job.name)
    moves = tuple(_moves(named[:MOST_SHOWN], minute, free))
    return Crowd(minute, jobs[place], free, moves)


def _moves(jobs: Sequence[Job], minute: datetime, free: Sequence[datetime]) -> list[Move]:
    """The first may stay; each further one gets a free minute of its own."""
    left = list(free)
    moves = [Move(jobs[0])] if jobs else []
    for job in jobs[1:]:
        move = _move(job, minute, left)
        if move.to in left:
            left.remove(move.to)
        moves.append(move)
    return moves


def _move(job: Job, minute: datetime, free: Sequence[datetime]) -> Move:
    spec: ScheduleSpec = job.schedule
    if spec.kind not in ("cron", "interval") or spec.spread_seconds:
        return Move(job)
    written, _, rest = spec.cron.partition(" ")
    if spec.kind == "cron" and written.isdecimal():
        zone = load_zone(spec.timezone)
        here = minute.astimezone(zone)
        for other in free:
            there = other.astimezone(zone)
            if (there.date(), there.hour) == (here.date(), here.hour) and there.utcoffset() == here.utcoffset():
                return Move(job, cron=replace(spec, cron=f"{there.minute} {rest}").cron, to=other)
    return Move(job, spread_seconds=int(SPREAD.total_seconds()))


def minutes(since: datetime, hours: int) -> list[datetime]:
    """The edges that crowds are looked for between: from the next full minute on."""
    first = since.replace(second=0, microsecond=0) + MINUTE
    return [first + number * MINUTE for number in range(hours * 60 + 1)]
