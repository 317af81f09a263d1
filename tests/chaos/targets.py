"""What was due, by a second opinion: intervals by arithmetic, expressions by the brute-force oracle, in the periods
that the revisions put in force. Shares no code with the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any

from tests.jobs.rules import oracle

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE = timedelta(microseconds=1)
UNDERSTOOD = {"cron", "interval", "once", "manual"}


@dataclass(frozen=True)
class Revision:
    job_id: int
    number: int
    valid_from: datetime
    definition: Mapping[str, Any]


@dataclass(frozen=True)
class Due:
    job_id: int
    due_at: datetime


def can_judge(revisions: Iterable[Revision]) -> bool:
    """Not a job with a limited number of runs: which were its last depends on what became of the others."""
    return all(
        revision.definition["schedule"]["kind"] in UNDERSTOOD
        and revision.definition["policies"].get("max_runs") is None
        for revision in revisions
    )


def by_job(revisions: Iterable[Revision]) -> dict[int, list[Revision]]:
    ordered = sorted(revisions, key=lambda revision: (revision.job_id, revision.number))
    return {job_id: list(group) for job_id, group in groupby(ordered, key=lambda revision: revision.job_id)}


def expected(revisions: Sequence[Revision], *, since: datetime, until: datetime) -> Iterator[Due]:
    """All that one job was due with since < due <= until: each revision decides what lies after it was made, up to and
    with the instant of the next."""
    ends = [later.valid_from for _, later in pairwise(revisions)]
    for revision, end in zip(revisions, [*ends, until], strict=True):
        definition = revision.definition
        if definition["enabled"] and not definition["archived"]:
            start, end = max(revision.valid_from, since), min(end, until)
            for due_at in instants(definition["schedule"], start, end, look=(since, until)):
                yield Due(revision.job_id, due_at)


def instants(
    schedule: Mapping[str, Any], after: datetime, until: datetime, *, look: tuple[datetime, datetime]
) -> Iterator[datetime]:
    """The due instants with after < due <= until."""
    if after >= until:
        return
    spread = timedelta(seconds=schedule.get("spread_offset_seconds", 0))
    match schedule["kind"]:
        case "interval":
            found = _interval(schedule, after, until, spread)
        case "cron":
            found = (at + spread for at in _cron(schedule, after - spread, until - spread, look))
        case "once":
            found = iter([_instant(schedule["at"])])
        case _:
            found = iter([])
    start_at, end_at = _bound(schedule, "start_at"), _bound(schedule, "end_at")
    for at in found:
        if after < at <= until and (start_at is None or at >= start_at) and (end_at is None or at < end_at):
            yield at


def _interval(schedule: Mapping[str, Any], after: datetime, until: datetime, spread: timedelta) -> Iterator[datetime]:
    """anchor + k * every."""
    anchor = (_bound(schedule, "anchor") or _bound(schedule, "start_at") or EPOCH) + spread
    every = timedelta(seconds=schedule["every_seconds"])
    k = max((after - anchor) // every, -1) + 1
    while (at := anchor + k * every) <= until:
        yield at
        k += 1


def _cron(
    schedule: Mapping[str, Any], after: datetime, until: datetime, look: tuple[datetime, datetime]
) -> Iterator[datetime]:
    rule = oracle.Rule(
        schedule["cron"], schedule.get("day_match"), schedule.get("gap", "shift"), schedule.get("fold", "first")
    )
    hour = timedelta(hours=1)
    due = oracle.due(rule, _minutes(schedule.get("timezone", "UTC"), look[0] - hour, look[1] + hour))
    return (at for at in due if after < at <= until)


@lru_cache(maxsize=64)
def _minutes(zone: str, since: datetime, until: datetime) -> oracle.Minutes:
    whole = since.replace(second=0, microsecond=0)
    return oracle.look_at(zone, whole, until)


def _bound(schedule: Mapping[str, Any], name: str) -> datetime | None:
    return _instant(schedule[name]) if schedule.get(name) else None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
