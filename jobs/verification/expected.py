"""What was due: the stretches in which one schedule of a job was in force, recomputed from its revisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from jobs.rules.schedule import ENGINE_VERSION, ScheduleSpec, occurrences, tzdata_version

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Revision:
    """What a revision says about when its job is due."""

    number: int
    valid_from: datetime
    is_in_force: bool
    schedule: Mapping[str, Any]
    max_runs: int | None
    engine_version: str
    tzdata_version: str


@dataclass(frozen=True)
class Stretch:
    """Due instants with after < due <= until follow this schedule, as long as `max_runs` is not reached. A tick that is
    due at the very instant of a change belongs to what was in force before it."""

    after: datetime
    until: datetime
    first: int  # the revisions that said so
    last: int
    schedule: Mapping[str, Any]
    max_runs: int | None
    doubt: str  # why it cannot be recomputed exactly, if so

    def occurrences(self) -> Iterator[datetime]:
        """Lazily, ascending. Raises whatever a stored schedule that cannot be understood any more raises."""
        return occurrences(ScheduleSpec.from_json(self.schedule), self.after, self.until)


def stretches(revisions: Sequence[Revision], *, since: datetime, until: datetime) -> list[Stretch]:
    """Those that touch since <= due <= until, in order and without overlap. `revisions` are in order of their number,
    and none is missing from the one that was valid at `since` on."""
    found: list[Stretch] = []
    begin = since - INSTANT
    for revision, following in pairwise([*revisions, None]):
        assert revision is not None
        after = max(begin, revision.valid_from)
        end = until if following is None else min(until, following.valid_from)
        if after < end:
            begin = end
            if revision.is_in_force:
                _append(found, _stretch(revision, after, end))
    return found


def clock_went_back(revisions: Sequence[Revision]) -> bool:
    """Two revisions lie in another order by time than by number: the database's clock was set back between them."""
    return any(later.valid_from < earlier.valid_from for earlier, later in pairwise(revisions))


def _stretch(revision: Revision, after: datetime, until: datetime) -> Stretch:
    return Stretch(
        after=after,
        until=until,
        first=revision.number,
        last=revision.number,
        schedule=revision.schedule,
        max_runs=revision.max_runs,
        doubt=_doubt(revision.engine_version, revision.tzdata_version),
    )


def _append(found: list[Stretch], new: Stretch) -> None:
    """A change that left the schedule alone, such as a pause, begins no new stretch."""
    last = found[-1] if found else None
    if last is not None and (last.until, last.last + 1) == (new.after, new.first):
        longer = replace(last, until=new.until, last=new.last)
        if longer == replace(new, after=last.after, first=last.first):
            found[-1] = longer
            return
    found.append(new)


@lru_cache(maxsize=64)
def _doubt(engine: str, tzdata: str) -> str:
    if engine != ENGINE_VERSION:
        return f"judged by engine {engine}"
    if tzdata != tzdata_version():
        return f"judged under tzdata {tzdata}"
    return ""
