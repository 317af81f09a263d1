"""What happened, as rules look at it: a run that ended, ticks that were missed, trouble of the system."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b

from notifications.rules.kinds import OF_THE_SYSTEM, Kind

LONGEST_SUBJECT = 100


@dataclass(frozen=True)
class JobFacts:
    job_id: int
    name: str
    slug: str = ""
    owner_id: int | None = None
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Happening:
    """`kinds` are what it can be told as, the most telling first; a rule tells it as the first that it asks for."""

    kinds: tuple[Kind, ...]
    tenant_id: int | None
    at: datetime
    job: JobFacts | None = None
    name: str = ""
    """Of the job; of the template for a run without one; of the circuit, the loop or the worker."""
    execution_id: int | None = None
    error: str = ""
    reason: str = ""
    failures_in_row: int = 0
    """With this failure; of a success, before it."""
    count: int = 1

    @property
    def is_of_the_system(self) -> bool:
        return self.kinds[0] in OF_THE_SYSTEM

    @cached_property
    def subject(self) -> str:
        """What repeats have in common, in bounds: keys are made of it."""
        if self.is_of_the_system:
            return "all" if self.kinds[0] is Kind.WORKER else _short(f"of:{self.name}")
        return f"job:{self.job.job_id}" if self.job else _short(f"template:{self.name}")


def _short(subject: str) -> str:
    if len(subject) <= LONGEST_SUBJECT:
        return subject
    return f"{subject[:60]}:{blake2b(subject.encode(), digest_size=16).hexdigest()}"
