"""The words that each family of clients has for the states of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.rules.states import ExecutionStatus as S


@dataclass(frozen=True)
class Family:
    """`words` has one for each state; several states may share one."""

    name: str
    words: Mapping[str, str]

    def word(self, status: str | None) -> str | None:
        return None if status is None else self.words.get(status, status)

    def statuses(self, word: str) -> tuple[str, ...]:
        """The states that a word, or the state's own name, stands for; none for one that nobody knows."""
        meant = tuple(status for status, its in self.words.items() if its.lower() == word.lower())
        return meant or ((word.lower(),) if word.lower() in self.words else ())

    @property
    def choices(self) -> list[str]:
        return [*dict.fromkeys(self.words.values())]


UI = Family(
    "ui",
    {
        S.QUEUED: "queued",
        S.RUNNING: "running",
        S.SUCCEEDED: "success",
        S.CANCELLED: "cancelled",
        **dict.fromkeys((S.FAILED, S.TIMED_OUT, S.LOST, S.DEAD), "failure"),
    },
)
ADMIN = Family(
    "admin",
    {
        S.QUEUED: "pending",
        S.RUNNING: "running",
        S.SUCCEEDED: "success",
        S.TIMED_OUT: "timeout",
        S.CANCELLED: "cancelled",
        **dict.fromkeys((S.FAILED, S.LOST, S.DEAD), "failed"),
    },
)
TASKS = Family(
    "tasks",
    {
        S.QUEUED: "QUEUED",
        S.RUNNING: "PROCESSING",
        S.SUCCEEDED: "COMPLETED",
        S.CANCELLED: "CANCELLED",
        S.DEAD: "DEAD_LETTER",
        **dict.fromkeys((S.FAILED, S.TIMED_OUT, S.LOST), "FAILED"),
    },
)
