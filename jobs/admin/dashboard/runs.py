"""How the runs of the last day or week ended, by the hour or by the day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from jobs import dashboard
from jobs.admin.charts import ended_runs
from jobs.admin.charts.ended_runs import Bar
from jobs.admin.dashboard import amounts, links
from jobs.admin.dashboard.viewer import Viewer
from jobs.dashboard import Ended
from scheduler_project.lib import viewer_zone

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WINDOWS = {"24h": "24 hours", "7d": "7 days"}


def build(viewer: Viewer) -> dict[str, Any]:
    window = viewer.chosen("window", WINDOWS, "24h")
    stretches = _days(viewer.now) if window == "7d" else _hours(viewer.now)
    found = dashboard.hours(viewer.tenant_ids, since=stretches[0][0], until=viewer.now)
    rows = [(since, until, _between(found, since, until)) for since, until in stretches]
    bars = [_bar(since, until, ended, window) for since, until, ended in rows]
    total = _between(found, stretches[0][0], stretches[-1][1])
    return {
        "windows": [(name, title, name == window) for name, title in WINDOWS.items()],
        "window": window,
        "chart": ended_runs.draw(bars, label=f"Runs that ended in the last {WINDOWS[window]}: {_words(total)}"),
        "bars": [bar for bar in reversed(bars) if bar.total],
        "total": total,
        "is_by_day": window == "7d",
    }


def _hours(now: datetime) -> list[tuple[datetime, datetime]]:
    """From the hour of this time yesterday on, as the tiles count."""
    last = now.replace(minute=0, second=0, microsecond=0)
    return [(last - back * HOUR, last - (back - 1) * HOUR) for back in range(24, -1, -1)]


def _days(now: datetime) -> list[tuple[datetime, datetime]]:
    """Of the viewer's calendar, today last."""
    today = viewer_zone.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return [(today - back * DAY, today - (back - 1) * DAY) for back in range(6, -1, -1)]


def _between(found: Mapping[datetime, Ended], since: datetime, until: datetime) -> Ended:
    total = Ended()
    for hour, ended in found.items():
        if since <= hour < until:
            total.add(ended)
    return total


def _bar(since: datetime, until: datetime, ended: Ended, window: str) -> Bar:
    local = viewer_zone.local(since)
    if window == "7d":
        when, axis = f"{local:%a} {local.day} {local:%b}", f"{local:%a} {local.day}"
    else:
        when, axis = f"{local:%a %H:%M}", f"{local:%H:%M}" if local.hour % 3 == 0 else ""
    url = links.executions(since=since, until=until)
    return Bar(axis, when, f"{when}: {_words(ended)}", url, ended.succeeded, ended.failed, ended.cancelled)


def _words(ended: Ended) -> str:
    words = [f"{ended.failed:,} failed"] if ended.failed else []
    words += [f"{ended.cancelled:,} cancelled"] if ended.cancelled else []
    return ", ".join([amounts.counted(ended.total, "run"), *words])
