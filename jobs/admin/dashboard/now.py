"""The top of the dashboard: the whole in a sentence, the figures, what needs a person, and what runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from jobs import dashboard, queries
from jobs.admin.dashboard import attention
from jobs.admin.dashboard.tiles import tiles, waiting
from jobs.admin.dashboard.viewer import Viewer

DAY = timedelta(days=1)
SHOWN = 8


def build(viewer: Viewer) -> dict[str, Any]:
    now = viewer.now
    hours = dashboard.hours(viewer.tenant_ids, since=now - 3 * DAY, until=now)
    ended, before = dashboard.last_day_and_before(hours, now=now)
    running = dashboard.find_running(viewer.tenant_ids, now=now)
    deviations = dashboard.find_deviations(viewer.tenant_ids, now=now, most=attention.EACH)
    status, waits = queries.scheduler_status(), waiting(viewer)
    found = attention.lines(viewer, status=status, running=running, waits=waits, deviations=deviations)
    sentence, tone = attention.verdict(found)
    figures = tiles(
        viewer, ended=ended, before=before, running=running, waits=waits, deviations=deviations, status=status
    )
    # What is slower than usual is what the eye should meet first.
    runs = sorted(running.runs, key=lambda run: not run.is_slow)[:SHOWN]
    return {
        "tiles": figures,
        "lines": found,
        "sentence": sentence,
        "tone": tone,
        "shape": {"good": "check", "warn": "alert", "bad": "cross"}[tone],
        "runs": runs,
        "running": running,
        "more_running": running.total - len(runs),
        "queued": waits.count,
    }
