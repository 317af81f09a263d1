"""The last 120 days, one cell each."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from jobs import dashboard
from jobs.admin.charts import heatmap
from jobs.admin.charts.heatmap import Cell
from jobs.admin.dashboard import amounts, links
from jobs.admin.dashboard.viewer import Viewer
from jobs.dashboard import Ended
from scheduler_project.lib import viewer_zone

DAYS = 120
DAY = timedelta(days=1)


def build(viewer: Viewer) -> dict[str, Any]:
    today = viewer_zone.local(viewer.now).date()
    first = today - (DAYS - 1) * DAY
    found = dashboard.days(viewer.tenant_ids, since=_midnight(first), zone=viewer_zone.name())
    days = [first + number * DAY for number in range(DAYS)]
    cells = [_cell(day, found.get(day, Ended()), today.year) for day in days]
    total = sum(cell.total for cell in cells)
    failed = sum(cell.failed for cell in cells)
    worst = max(cells, key=lambda cell: (cell.failed, cell.day))
    return {
        "days": DAYS,
        "picture": heatmap.draw(cells) if total else "",
        "cells": [cell for cell in reversed(cells) if cell.total],
        "total": total,
        "failed": failed,
        "succeeded_percent": 100 * (total - failed) / total if total else None,
        "bad_days": sum(1 for cell in cells if cell.failed),
        "worst": worst if worst.failed else None,
    }


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=viewer_zone.current.get())


def _cell(day: date, ended: Ended, this_year: int) -> Cell:
    year = "" if day.year == this_year else f" {day.year}"
    words = f"{day:%a} {day.day} {day:%b}{year}: {amounts.counted(ended.total, 'run')}"
    if ended.failed:
        words += f", {ended.failed:,} failed"
    url = links.executions(since=_midnight(day), until=_midnight(day + DAY))
    return Cell(day, words, url, ended.total, ended.failed)
