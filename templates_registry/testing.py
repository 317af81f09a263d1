"""For authors' tests: a run context that lives in memory and remembers what the template told it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import PathLike, fspath
from typing import Any
from uuid import UUID, uuid4

from scheduler_project.lib.addresses import Allowed
from scheduler_project.lib.http import HttpClient, OutboundFailed, Response
from templates_registry.context import Level


@dataclass
class RecordedEffect:
    """An Effect."""

    is_first: bool = True
    is_kept: bool = False
    result: Any = None

    def __bool__(self) -> bool:
        return self.is_first

    def keep(self, result: Any = None) -> None:
        self.is_kept, self.result = True, result

    def forget(self) -> None:
        self.is_first = False


class RecordingHttp(HttpClient):
    """Calls nobody: gives the answers that the test has put into `answers` by address, and remembers the calls."""

    def __init__(self) -> None:
        super().__init__(allowed=Allowed())
        self.answers: dict[str, Response | Exception] = {}
        self.calls: list[tuple[str, str, Mapping[str, Any]]] = []

    def request(self, method: str, url: str, **options: Any) -> Response:
        self.calls.append((method, url, options))
        answer = self.answers.get(url, OutboundFailed(f"The test has no answer for {url}."))
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class RecordingContext:
    """A RunContext. `cancel_after` is how many times `is_cancelled()` answers no before it answers yes. To play a
    retry, give the next context the `effects` and the `last_checkpoint` of this one."""

    execution_id: int = 1
    run_key: UUID = field(default_factory=uuid4)
    attempt: int = 1
    fence: int = 1
    job_name: str = "Test job"
    tenant: str = "test"
    scheduled_for: datetime | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    dry_run: bool = False
    is_adopted: bool = False
    cancel_after: int | None = None

    lines: list[tuple[Level, str]] = field(default_factory=list)
    steps: list[tuple[int, int | None, str]] = field(default_factory=list)
    processes: list[list[str]] = field(default_factory=list)
    exit_codes: list[int] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    effects: dict[str, RecordedEffect] = field(default_factory=dict)
    last_checkpoint: Any = None
    http: RecordingHttp = field(default_factory=RecordingHttp)

    def log(self, message: str, level: Level = "info") -> None:
        self.lines.append((level, message))

    def progress(self, done: int, total: int | None = None, text: str = "") -> None:
        self.steps.append((done, total, text))

    def run_process(
        self,
        argv: Sequence[str | PathLike[str]],
        *,
        environment: Mapping[str, str] | None = None,
        folder: str | PathLike[str] | None = None,
        level: Level = "info",
    ) -> int:
        """Runs nothing: remembers the command line and answers with the next of `exit_codes`, or 0."""
        self.processes.append([fspath(part) for part in argv])
        return self.exit_codes.pop(0) if self.exit_codes else 0

    def is_cancelled(self) -> bool:
        if self.cancel_after is None:
            return False
        self.cancel_after -= 1
        return self.cancel_after < 0

    def secret(self, name: str) -> str:
        return self.secrets[name]

    def once(self, key: str) -> RecordedEffect:
        known = self.effects.get(key)
        if known is None or (not known.is_first and not known.is_kept):
            self.effects[key] = RecordedEffect()
            return self.effects[key]
        return RecordedEffect(is_first=False, is_kept=known.is_kept, result=known.result)

    def checkpoint(self, data: Any) -> None:
        self.last_checkpoint = data
