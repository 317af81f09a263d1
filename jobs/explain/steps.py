"""What an explanation is made of: ordered steps, each with a sentence, who set it and when it clears."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

State = Literal["passed", "blocked", "not_reached", "noted"]
Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Step:
    """One rule or condition. `noted` steps tell what happened and were no obstacle."""

    rule: str
    title: str
    state: State
    text: str
    outcome: str = ""
    reason: str = ""
    by: str = ""
    since: datetime | None = None
    clears_at: datetime | None = None
    execution_id: int | None = None

    @property
    def blocks(self) -> bool:
        return self.state == "blocked"


@dataclass(frozen=True)
class Section:
    title: str
    steps: tuple[Step, ...]

    @property
    def blocked_by(self) -> Step | None:
        return first_block(self.steps)


@dataclass(frozen=True)
class Explanation:
    """`answer` is the whole of it in a sentence or two; `steps` are in the order of evaluation."""

    subject: Literal["job", "tick", "execution"]
    id: int
    job_id: int | None
    title: str
    answer: str
    steps: tuple[Step, ...]
    blocked_by: Step | None
    further: tuple[Section, ...] = ()


@dataclass(frozen=True)
class Block:
    """A condition's answer when it stands in the way."""

    text: str
    reason: str = ""
    outcome: str = ""
    by: str = ""
    since: datetime | None = None
    clears_at: datetime | None = None
    execution_id: int | None = None


@dataclass(frozen=True)
class Condition(Generic[Subject]):
    """Something that must hold besides the planner's rules. `judge` answers with a block, or with why it holds."""

    name: str
    title: str
    judge: Callable[[Subject], Block | str]

    def step(self, subject: Subject) -> Step:
        found = self.judge(subject)
        if isinstance(found, str):
            return Step(self.name, self.title, "passed", found)
        return Step(self.name, self.title, "blocked", **vars(found))


def first_block(steps: Iterable[Step]) -> Step | None:
    return next((step for step in steps if step.blocks), None)
