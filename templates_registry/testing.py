"""For authors' tests: a run context that lives in memory and remembers what the template told it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from templates_registry.context import Level


@dataclass
class RecordingContext:
    """A RunContext. `cancel_after` is how many times `is_cancelled()` answers no before it answers yes."""

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

    def log(self, message: str, level: Level = "info") -> None:
        self.lines.append((level, message))

    def progress(self, done: int, total: int | None = None, text: str = "") -> None:
        self.steps.append((done, total, text))

    def is_cancelled(self) -> bool:
        if self.cancel_after is None:
            return False
        self.cancel_after -= 1
        return self.cancel_after < 0
