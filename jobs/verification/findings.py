"""The words of a verification: what is known of a job, what is recorded, and how the promise can be broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from jobs.verification.expected import INSTANT, Revision


class Kind(StrEnum):
    """How the promise can be broken."""

    UNRECORDED = "unrecorded"
    PHANTOM = "phantom"
    DOUBLE = "double"
    FIRED_WITHOUT_EXECUTION = "fired_without_execution"
    EXECUTION_WITHOUT_TICK = "execution_without_tick"
    WRONG_EXECUTION = "wrong_execution"
    UNACCOUNTED = "unaccounted"


class Link(StrEnum):
    """What a tick's execution looks like."""

    FINE = ""  # or the tick names none
    GONE = "gone"
    WRONG = "wrong"


class RecordedTick(NamedTuple):
    due_at: datetime
    outcome: str
    reason: str
    revision: int
    link: str = Link.FINE.value
    is_early: bool = False  # decided before it was due


@dataclass(frozen=True)
class Violation:
    job_id: int
    due_at: datetime
    kind: Kind
    detail: str = ""


@dataclass(frozen=True)
class History:
    """What is known of one job apart from its ticks; `now` is when that was read."""

    job_id: int
    name: str
    is_in_force: bool
    next_tick_at: datetime | None
    undecided_since: datetime | None
    revisions: Sequence[Revision]
    fired_before: int  # its ticks that fired before `since`
    fired_and_gone: int  # its ticks that fired since then and are in the ledger no more, as far as that is known
    since: datetime
    now: datetime

    @property
    def cursor(self) -> datetime | None:
        """The first instant that nobody has decided; none when everything up to now is."""
        return (self.undecided_since or self.next_tick_at) if self.is_in_force else None

    @property
    def decided_until(self) -> datetime:
        return self.now if self.cursor is None else min(self.cursor - INSTANT, self.now)


@dataclass
class Comparison:
    """Of one job, or the sum of several."""

    due: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)  # by outcome and reason
    kinds: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)  # differences that prove nothing, by why

    @property
    def recorded(self) -> int:
        return sum(self.outcomes.values())

    def add(self, other: Comparison) -> None:
        self.due += other.due
        self.outcomes.update(other.outcomes)
        self.kinds.update(other.kinds)
        self.doubts.update(other.doubts)
