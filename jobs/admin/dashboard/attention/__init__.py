"""What needs a person now, the worst first: each line says what happened and leads to the place to act on it."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.admin.dashboard import amounts
from jobs.admin.dashboard.attention import of_jobs, of_system
from jobs.admin.dashboard.attention.line import BAD, EACH, WARN, Line
from jobs.admin.dashboard.tiles import Waiting
from jobs.admin.dashboard.viewer import Viewer
from jobs.dashboard import Deviations, Running
from jobs.queries import SchedulerStatus

__all__ = ["EACH", "Line", "lines", "verdict"]


def lines(
    viewer: Viewer, *, status: SchedulerStatus, running: Running, waits: Waiting, deviations: Deviations
) -> list[Line]:
    found = [
        *of_system.find(viewer, status),
        *of_jobs.find(viewer, running=running, waits=waits, deviations=deviations),
    ]
    return sorted(found, key=lambda line: line.tone != BAD)  # keeps the order of kinds


def verdict(found: Sequence[Line]) -> tuple[str, str]:
    """The whole in one sentence, and its tone."""
    bad = sum(line.tone == BAD for line in found)
    warn = len(found) - bad
    if not found:
        return "Everything runs as it should.", "good"
    parts = [amounts.counted(bad, "problem")] if bad else []
    parts += [amounts.counted(warn, "warning")] if warn else []
    return f"{' and '.join(parts)}.", BAD if bad else WARN
