"""What a template sees of its run. Log lines and progress are collected here and stored by the heartbeat."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from os import PathLike
from typing import Any
from uuid import UUID

from jobs.execution import keeping, processes, secret_values
from jobs.execution.redaction import Redactor
from jobs.executions import Claim
from scheduler_project.lib import sql
from scheduler_project.lib.guarded_http import GuardedHttpClient
from templates_registry.context import Level

MAX_LINES = 10_000
MAX_CHARACTERS = 1_000_000
MAX_MESSAGE = 10_000

FIRST_FREE = """
SELECT coalesce(max(sequence), 0) + 1 AS sequence FROM execution_log_lines WHERE execution_id = %(id)s
"""

INSERT = """
INSERT INTO execution_log_lines (execution_id, sequence, attempt, logged_at, level, message)
SELECT %(id)s, %(first)s::integer + l.n::integer - 1, %(attempt)s, l.at, l.level, l.message
FROM unnest(%(at)s::timestamptz[], %(level)s::text[], %(message)s::text[]) WITH ORDINALITY AS l(at, level, message, n)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class _Line:
    at: datetime
    level: Level
    message: str


class ExecutionContext:
    """Implements `templates_registry.context.RunContext` for one attempt."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._started_at = datetime.now(UTC)
        self._lines: list[_Line] = []
        self._written = 0
        self._characters = 0
        self._next_sequence = 1 if claim.attempt == 1 else 0
        self._storing = threading.Lock()
        self._progress: Mapping[str, Any] | None = None
        self._first_progress: Mapping[str, Any] | None = None
        self._cancelled = threading.Event()
        self.log_changed = threading.Event()
        self.redactor = Redactor()

    @property
    def execution_id(self) -> int:
        return self._claim.execution_id

    @property
    def run_key(self) -> UUID:
        return self._claim.run_key

    @property
    def attempt(self) -> int:
        return self._claim.attempt

    @property
    def fence(self) -> int:
        return self._claim.fence

    @property
    def job_name(self) -> str:
        return self._claim.job_name or self._claim.template

    @property
    def tenant(self) -> str:
        return self._claim.tenant

    @property
    def scheduled_for(self) -> datetime | None:
        return self._claim.scheduled_for

    @property
    def started_at(self) -> datetime:
        return self._started_at

    @property
    def dry_run(self) -> bool:
        return self._claim.dry_run

    @property
    def is_adopted(self) -> bool:
        return self._claim.is_adopted

    def log(self, message: str, level: Level = "info") -> None:
        if self._written > MAX_LINES:
            return
        text = sql.text(self.redactor.text(str(message)[: 2 * MAX_MESSAGE])[:MAX_MESSAGE])
        self._written += 1
        self._characters += len(text)
        if self._written > MAX_LINES or self._characters > MAX_CHARACTERS:
            self._written = MAX_LINES + 1
            text, level = (
                f"The log ends here: it has reached {MAX_LINES} lines or {MAX_CHARACTERS} characters.",
                "warning",
            )
        self._lines.append(_Line(datetime.now(UTC), level, text))
        if len(self._lines) == 1:
            self.log_changed.set()

    def progress(self, done: int, total: int | None = None, text: str = "") -> None:
        """Raises TypeError or ValueError for what is no number, here rather than where it is stored."""
        now = datetime.now(UTC).timestamp()
        if self._first_progress is None:
            self._first_progress = {"first_done": int(done), "first_at": now}
        self._progress = {
            "done": int(done),
            "total": None if total is None else int(total),
            "text": sql.text(self.redactor.text(str(text)[:1000])[:500]),
            "at": now,
            **self._first_progress,
        }

    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def run_process(
        self,
        argv: Sequence[str | PathLike[str]],
        *,
        environment: Mapping[str, str] | None = None,
        folder: str | PathLike[str] | None = None,
        level: Level = "info",
    ) -> int:
        return processes.run(argv, log=self.log, environment=environment, folder=folder, level=level)

    def secret(self, name: str) -> str:
        value = secret_values.read(name, tenant=self.tenant)
        self.redactor.register(value)
        return value

    def once(self, key: str) -> keeping.RecordedEffect:
        return keeping.once(self._claim, key, without_secrets=self.redactor.known)

    def checkpoint(self, data: Any) -> None:
        self.last_checkpoint = keeping.save_checkpoint(self._claim, self.redactor.known(data))

    @cached_property
    def last_checkpoint(self) -> Any:
        return None if self.attempt == 1 else keeping.last_checkpoint(self._claim)

    @cached_property
    def http(self) -> GuardedHttpClient:
        return GuardedHttpClient()

    # --- for the heartbeat and the executor ---

    def cancel(self) -> None:
        self._cancelled.set()

    def take_progress(self) -> Mapping[str, Any] | None:
        taken, self._progress = self._progress, None
        return taken

    def has_lines(self) -> bool:
        """Whether some are not stored yet."""
        return bool(self._lines)

    def flush_log(self) -> None:
        """Store the lines collected so far, in order. Raises what the database raises, and then keeps them."""
        with self._storing:
            lines = self._lines[:]
            if not lines:
                return
            if not self._next_sequence:
                found = sql.row(FIRST_FREE, {"id": self.execution_id})
                assert found is not None
                self._next_sequence = found["sequence"]
            sql.rows(
                INSERT,
                {
                    "id": self.execution_id,
                    "first": self._next_sequence,
                    "attempt": self.attempt,
                    "at": [line.at for line in lines],
                    "level": [line.level for line in lines],
                    "message": [line.message for line in lines],
                },
            )
            self._next_sequence += len(lines)
            del self._lines[: len(lines)]
