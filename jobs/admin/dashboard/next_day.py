"""What comes in the next 24 hours: how dense it is, and the next ten runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from jobs import dashboard
from jobs.admin.charts import density as chart
from jobs.admin.dashboard import amounts
from jobs.admin.dashboard.viewer import Viewer
from jobs.forecast import upcoming
from scheduler_project.lib import viewer_zone

DAY = timedelta(days=1)
SHOWN = 10


def build(viewer: Viewer) -> dict[str, Any]:
    now = viewer.now
    found = dashboard.density(viewer.jobs, now=now)
    slots = [_slot(slot) for slot in found.slots]
    fullest = found.fullest
    most = f", most of them, {amounts.counted(fullest.runs, 'run')}, from {_clock(fullest.since)}" if fullest else ""
    return {
        "ticks": upcoming(viewer.jobs, since=now, until=now + DAY, most_ticks=SHOWN).ticks,
        "density": found,
        "strip": chart.draw(slots, label=f"{found.runs:,} runs are due in the next 24 hours{most}"),
        "slots": [slot for slot in found.slots if slot.runs],
    }


def _slot(slot: Any) -> chart.Slot:
    local = viewer_zone.local(slot.since)
    axis = f"{local:%H:%M}" if local.minute == 0 and local.hour % 6 == 0 else ""
    words = f"{_clock(slot.since)} to {_clock(slot.until)}: {amounts.counted(slot.runs, 'run')}"
    return chart.Slot(axis, words, slot.runs)


def _clock(at: Any) -> str:
    return f"{viewer_zone.local(at):%H:%M}"
