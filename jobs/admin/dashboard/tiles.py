"""The six figures on top, each a way to what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from jobs import dashboard, queries
from jobs.admin.dashboard import amounts, links
from jobs.admin.dashboard.viewer import Viewer
from jobs.dashboard import Deviations, Ended, Running
from jobs.queries import SchedulerStatus
from jobs.rules.states import ExecutionStatus
from scheduler_project.lib import markup

LONG_WAIT = timedelta(minutes=1)


@dataclass(frozen=True)
class Tile:
    name: str
    label: str
    span: str
    """Of what time."""
    value: str
    hint: str
    url: str
    tone: str  # good, bad, warn, quiet
    shape: str


@dataclass(frozen=True)
class Waiting:
    """Runs that are due and have not begun."""

    count: int
    oldest_at: datetime | None
    for_approval: int


def waiting(viewer: Viewer) -> Waiting:
    queued = viewer.executions.filter(status=ExecutionStatus.QUEUED)
    due = Q(available_at__lte=viewer.now, held_for="")
    found = queued.aggregate(
        count=Count("pk", filter=due),
        oldest_at=Min("available_at", filter=due),
        for_approval=Count("pk", filter=Q(held_for="approval")),
    )
    return Waiting(**found)


def tiles(
    viewer: Viewer,
    *,
    ended: Ended,
    before: Mapping[str, float],
    running: Running,
    waits: Waiting,
    deviations: Deviations,
    status: SchedulerStatus,
) -> list[Tile]:
    failed = ended.failed
    return [
        Tile("succeeded", "Succeeded", "24 h", amounts.short(ended.succeeded),
             amounts.change(ended.succeeded, before["succeeded"]), links.executions(status="succeeded", when="24h"),
             "quiet", "check"),
        Tile("failed", "Failed", "24 h", amounts.short(failed), amounts.change(failed, before["failed"]),
             links.executions(status="unsuccessful", when="24h"), "bad" if failed else "quiet", "cross"),
        _running(running, waits, viewer.now),
        _not_in_time(deviations),
        _letters(viewer),
        _scheduler(status, viewer.now),
    ]  # fmt: skip


def _running(running: Running, waits: Waiting, now: datetime) -> Tile:
    waited = now - waits.oldest_at if waits.oldest_at else timedelta()
    is_long = waited > LONG_WAIT
    hint = f"{amounts.short(waits.count)} queued" if waits.count else "none queued"
    if is_long:
        hint += f", one for {markup.duration(waited.total_seconds())}"
    url = links.executions(status="running" if running.total or not waits.count else "queued")
    return Tile(
        "running", "Running", "", amounts.short(running.total), hint, url, "warn" if is_long else "quiet", "run"
    )


def _not_in_time(deviations: Deviations) -> Tile:
    count = deviations.late + deviations.missed
    tone = "bad" if deviations.missed else "warn" if deviations.late else "quiet"
    hint = f"{amounts.short(deviations.missed)} missed" if deviations.missed else ""
    hint = hint or amounts.change(count, deviations.before)
    url = links.ticks(outcome="missed" if deviations.missed or not count else "late")
    return Tile("deviations", "Late or missed", "24 h", amounts.short(count), hint, url, tone, "clock")


def _letters(viewer: Viewer) -> Tile:
    count, new = dashboard.count_letters(viewer.tenant_ids, now=viewer.now)
    hint = f"{amounts.short(new)} new in 24 h" if count else "nothing waits"
    return Tile(
        "letters",
        "Dead letters",
        "",
        amounts.short(count),
        hint,
        links.letters(),
        "bad" if count else "quiet",
        "octagon",
    )


def _scheduler(status: SchedulerStatus, now: datetime) -> Tile:
    age = status.last_tick_age_seconds
    lag = status.lag_seconds["p95"]
    if status.leader is None:
        value, hint, tone = "No leader", "nothing is decided", "bad"
    elif age is None or age > queries.tick_limit().total_seconds():
        value, hint, tone = "Silent", f"last turn {markup.duration(age)} ago" if age else "has not turned", "bad"
    elif lag is None:
        value, hint, tone = "Leads", "nothing due in the last hour", "good"
    else:
        tone = "warn" if lag > queries.tick_limit().total_seconds() else "good"
        value, hint = markup.duration(lag), "behind the clock (p95)"
    return Tile("scheduler", "Scheduler", "", value, hint, links.health(), tone, "ledger")
