"""What a running template may ask and tell. The executor implements it; templates see nothing else of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, Literal, Protocol
from uuid import UUID

from scheduler_project.lib.circuits import CircuitOpen
from scheduler_project.lib.http import HttpClient

__all__ = ["CircuitOpen", "Effect", "Level", "Overtaken", "RunContext"]

Level = Literal["debug", "info", "warning", "error"]


class Overtaken(Exception):
    """Another attempt owns the run now: nothing that this one does counts any more."""


class Effect(Protocol):
    """Something with a key that a run does at most once, in all its attempts together.

    True for the one who is to do it. It was recorded before: if the process dies in the middle, nobody does it again.
    """

    def __bool__(self) -> bool: ...

    @property
    def is_kept(self) -> bool:
        """False for an effect that was begun and of which nobody knows how it ended."""

    @property
    def result(self) -> Any:
        """What `keep` stored, in this attempt or an earlier one."""

    def keep(self, result: Any = None) -> None:
        """It has happened. Stores what came of it, as JSON of at most 64 KB. Raises `Overtaken`."""

    def forget(self) -> None:
        """It certainly has not happened: a later attempt may do it. Raises `Overtaken`."""


class RunContext(Protocol):
    @property
    def execution_id(self) -> int: ...

    @property
    def run_key(self) -> UUID:
        """The same for every attempt of one execution: pass it on where others can recognise a repetition."""

    @property
    def attempt(self) -> int:
        """1 for the first try."""

    @property
    def fence(self) -> int:
        """Grows with every claim: whoever stores it can refuse writes of an attempt that was overtaken."""

    @property
    def job_name(self) -> str:
        """The name of the job, or of the template when it runs without one."""

    @property
    def tenant(self) -> str:
        """The slug of the tenant that the run belongs to."""

    @property
    def scheduled_for(self) -> datetime | None:
        """The due time, or None when the run was not started by a schedule."""

    @property
    def started_at(self) -> datetime: ...

    @property
    def dry_run(self) -> bool: ...

    @property
    def is_adopted(self) -> bool:
        """True when a django-celery-beat row, not an operator, decided what runs."""

    def log(self, message: str, level: Level = "info") -> None: ...

    def progress(self, done: int, total: int | None = None, text: str = "") -> None: ...

    def is_cancelled(self) -> bool:
        """True once somebody asked to stop. Look between steps and raise `Cancelled`."""

    def run_process(
        self,
        argv: Sequence[str | PathLike[str]],
        *,
        environment: Mapping[str, str] | None = None,
        folder: str | PathLike[str] | None = None,
        level: Level = "info",
    ) -> int:
        """Run a program to its end and return its exit code, negative for a signal. Its output goes to the log, line by
        line. A soft limit or a cancel ends it, and it never outlives the run. `environment` is added to this process's,
        which is passed on without Daybook's own variables. No shell reads `argv`. Raises TypeError and OSError."""

    def secret(self, name: str) -> str:
        """The value of a secret that whoever runs Daybook has named in DAYBOOK_SECRETS; masked in all that is stored.
        Raises an error when there is none."""

    def once(self, key: str) -> Effect:
        """`if context.once("mail:42"): send()`. Recorded and committed before it returns. Raises `Overtaken`."""

    def checkpoint(self, data: Any) -> None:
        """Store how far the run came, as JSON of at most 64 KB. Raises `Overtaken`."""

    @property
    def last_checkpoint(self) -> Any:
        """What `checkpoint` stored last, in this attempt or an earlier one; None when nothing was."""

    @property
    def http(self) -> HttpClient:
        """Calls public hosts, and those that are allowed. Raises `CircuitOpen` while a host fails too often: let it
        pass, and the run waits and costs no try."""
