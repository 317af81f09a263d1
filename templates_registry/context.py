"""What a running template may ask and tell. The executor implements it; templates see nothing else of the engine."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

Level = Literal["debug", "info", "warning", "error"]


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
        """The name of the job, or the title of the template when it runs without one."""

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
