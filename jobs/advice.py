"""What is worth knowing of a schedule before it is saved: allowed, but perhaps not meant. It refuses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, pairwise

from django.db.models import QuerySet

from jobs.forecast import collisions
from jobs.forecast.durations import usual
from jobs.models import Job
from jobs.rules.cron import expand
from jobs.rules.schedule import HORIZON, ScheduleSpec, clock_change_notes, load_zone, next_occurrence, occurrences
from jobs.rules.states import Overlap

DAY = timedelta(days=1)
YEAR = timedelta(days=366)
MOST_CHANGES = 3
MOST_COUNTED = 1_000
LOOKED_AT = 6
OVERLAPPING: dict[str, str] = {
    Overlap.SKIP.value: "a run that is due meanwhile is skipped",
    Overlap.QUEUE_ONE.value: "one run waits, further ones are skipped",
    Overlap.QUEUE_ALL.value: "the runs that wait pile up",
    Overlap.ALLOW.value: "they go side by side",
    Overlap.REPLACE.value: "each cancels the one before it",
}


@dataclass(frozen=True)
class Advice:
    code: str  # ended, first_run, short_months, clocks, overlap, crowd
    text: str
    # Values of the schedule that would do what `fix_text` says.
    fix: Mapping[str, object] = field(default_factory=dict)
    fix_text: str = ""


def advise(
    spec: ScheduleSpec, *, now: datetime, jobs: QuerySet[Job], job_id: int | None = None, overlap: str = ""
) -> tuple[Advice, ...]:
    """`jobs` are those that it may crowd with; `job_id` is the job whose schedule it is, when there is one already."""
    if spec.kind == "manual":
        return ()
    following = next_occurrence(spec, now)
    if following is None:
        passed = ": this moment has passed" if spec.kind == "once" else ""
        return (Advice("ended", f"Nothing is due any more{passed}."),)
    return (
        *(_of_the_first_run(spec, following, now) if job_id is None else ()),
        *_of_short_months(spec),
        *of_clocks(spec, now=now),
        *(_of_overlapping(spec, job_id, overlap, now) if job_id is not None else ()),
        *of_crowd(spec, now=now, jobs=jobs, job_id=job_id),
    )


def runs_per_day(spec: ScheduleSpec, *, now: datetime) -> int:
    """In the next 24 hours; MOST_COUNTED + 1 stands for more."""
    return sum(1 for _ in islice(occurrences(spec, now, now + DAY), MOST_COUNTED + 1))


def of_clocks(spec: ScheduleSpec, *, now: datetime) -> Iterator[Advice]:
    """The changes of the next twelve months that move, drop or double a run."""
    changes = [note for note in clock_change_notes(spec, now, now + YEAR) if note.effect != "real_time"]
    yield from (Advice("clocks", note.text) for note in changes[:MOST_CHANGES])
    if len(changes) > MOST_CHANGES:
        yield Advice("clocks", f"{len(changes) - MOST_CHANGES} more changes of the clocks touch it within a year.")


def of_crowd(spec: ScheduleSpec, *, now: datetime, jobs: QuerySet[Job], job_id: int | None = None) -> Iterator[Advice]:
    """Who else starts in the minute of the next run, and a quieter one."""
    found = collisions(jobs, spec, now=now, leaving_out=job_id)
    if found is None or not found.jobs:
        return
    if found.free_cron:
        yield Advice("crowd", found.text, {"cron": found.free_cron}, f"Use {found.free_local}")
    elif found.spread_seconds:
        fix = {"spread_seconds": found.spread_seconds}
        yield Advice("crowd", found.text, fix, f"Spread over {found.spread_seconds // 60} min")
    else:
        yield Advice("crowd", found.text)


def _of_the_first_run(spec: ScheduleSpec, following: datetime, now: datetime) -> Iterator[Advice]:
    """`09:00 has passed today` surprises who expects a run in a minute."""
    if spec.kind != "cron":
        return
    zone = load_zone(spec.timezone)
    today = now.astimezone(zone)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    first = following.astimezone(zone)
    if first.date() == today.date():
        return
    earlier = next(occurrences(spec, midnight - timedelta(microseconds=1), now), None)
    if earlier is not None:
        day = "tomorrow" if first.date() == today.date() + DAY else f"on {first:%A} {first.day} {first:%B}"
        yield Advice("first_run", f"{earlier.astimezone(zone):%H:%M} has passed today: the first run is {day}.")


def _of_short_months(spec: ScheduleSpec) -> Iterator[Advice]:
    if spec.kind != "cron":
        return
    sets = expand(spec.cron)
    if not sets.month_days or min(sets.month_days) < 29 or sets.last_day or sets.months <= {1, 3, 5, 7, 8, 10, 12}:
        return
    minute, hour, _, months, weekdays = spec.cron.split(" ")
    fix = {"cron": f"{minute} {hour} L {months} {weekdays}"} if len(sets.month_days) == 1 else {}
    days = "this day" if len(sets.month_days) == 1 else "these days"
    yield Advice("short_months", f"Months without {days} are left out.", fix, "Use the last day" if fix else "")


def _of_overlapping(spec: ScheduleSpec, job_id: int, overlap: str, now: datetime) -> Iterator[Advice]:
    due = list(islice(occurrences(spec, now, HORIZON), LOOKED_AT))
    known = usual(job_id) if len(due) > 1 else None
    gap = min(((later - earlier).total_seconds() for earlier, later in pairwise(due)), default=0.0)
    if known is None or known.p95 <= gap:
        return
    words = OVERLAPPING.get(overlap, "they overlap")
    yield Advice(
        "overlap", f"Of its runs 5 % take {_length(known.p95)} or longer, but one is due every {_length(gap)}: {words}."
    )


def _length(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"
