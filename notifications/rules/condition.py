"""How a job does from one end of a run to the next: what makes a failure the first one, and a success a recovery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from notifications.rules.kinds import Kind

SUCCEEDED = "succeeded"
FAILED = frozenset({"failed", "timed_out", "lost", "dead"})


@dataclass(frozen=True)
class Condition:
    """Of one job. Without failures it is well."""

    failures_in_row: int = 0
    failing_since: datetime | None = None
    last_execution_id: int | None = None
    last_at: datetime | None = None

    def after(self, status: str, *, execution_id: int, at: datetime) -> Condition:
        ended = replace(self, last_execution_id=execution_id, last_at=at)
        if status == SUCCEEDED:
            return replace(ended, failures_in_row=0, failing_since=None)
        return replace(ended, failures_in_row=self.failures_in_row + 1, failing_since=self.failing_since or at)


@dataclass(frozen=True)
class Ending:
    """What the end of a run can be told as, and the failures in a row that rules look at."""

    kinds: tuple[Kind, ...]
    failures_in_row: int
    condition: Condition


def judge(status: str, before: Condition, *, is_aside: bool, execution_id: int, at: datetime) -> Ending:
    """Of runs aside (backfills and replays) only that a dead letter waits is worth telling: whoever started them looks
    at them, and they say nothing about how the job does."""
    if is_aside:
        return Ending(() if status == SUCCEEDED else (Kind.DEAD_LETTER,), before.failures_in_row, before)
    after = before.after(status, execution_id=execution_id, at=at)
    if status != SUCCEEDED:
        return Ending((Kind.FAILED, Kind.DEAD_LETTER), after.failures_in_row, after)
    kinds = (Kind.RECOVERED, Kind.SUCCEEDED) if before.failures_in_row else (Kind.SUCCEEDED,)
    return Ending(kinds, before.failures_in_row, after)
