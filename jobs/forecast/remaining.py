"""How much longer a run will take: by its own progress, else by how long its job's runs usually take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from jobs.forecast import durations
from jobs.forecast.durations import Usual
from jobs.models import Execution

LEAST_SECONDS = 1.0  # of progress that say how fast it goes


@dataclass(frozen=True)
class Remaining:
    """`finishes_at` is None for a run that has gone on for longer than nearly all before it."""

    basis: Literal["progress", "history"]
    finishes_at: datetime | None
    usual_seconds: float | None
    is_slower_than_usual: bool


def estimate(execution: Execution, progress: Mapping[str, Any] | None, *, now: datetime) -> Remaining | None:
    """For a running execution; None when nothing is known."""
    if execution.started_at is None or execution.finished_at is not None:
        return None
    usual = durations.usual(execution.job_id) if execution.job_id is not None else None
    return judge(progress or {}, usual, started_at=execution.started_at, now=now)


def judge(progress: Mapping[str, Any], usual: Usual | None, *, started_at: datetime, now: datetime) -> Remaining | None:
    finishes_at = _by_progress(progress, now)
    ran = (now - started_at).total_seconds()
    is_slow = usual is not None and max(ran, _seconds(started_at, finishes_at)) > usual.p95
    median = usual.p50 if usual else None
    if finishes_at is not None:
        return Remaining("progress", finishes_at, median, is_slow)
    if usual is None:
        return None
    expected = next((seconds for seconds in (usual.p50, usual.p95) if seconds > ran), None)
    at = None if expected is None else started_at + timedelta(seconds=expected)
    return Remaining("history", at, median, is_slow)


def _by_progress(progress: Mapping[str, Any], now: datetime) -> datetime | None:
    """At the rate since the run first told its progress: a retry may have begun in the middle."""
    total, at, first_at = progress.get("total"), progress.get("at"), progress.get("first_at")
    if not total or at is None or first_at is None or at - first_at < LEAST_SECONDS:
        return None
    done = progress["done"] - progress["first_done"]
    if done <= 0:
        return None
    left = (total - progress["done"]) * (at - first_at) / done
    return max(datetime.fromtimestamp(at, tz=now.tzinfo) + timedelta(seconds=min(left, 1e8)), now)


def _seconds(started_at: datetime, finishes_at: datetime | None) -> float:
    return (finishes_at - started_at).total_seconds() if finishes_at else 0.0
