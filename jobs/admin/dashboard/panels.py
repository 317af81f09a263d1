"""The parts of the dashboard: what each shows, what makes it read itself again, and when it is shown at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from jobs import runtime_flags
from jobs.admin.dashboard import days, events, log, next_day, now, runs, start, system, tree
from jobs.admin.dashboard.viewer import Viewer


@dataclass(frozen=True)
class Panel:
    name: str
    title: str
    build: Callable[[Viewer], dict[str, Any]]
    live: str = "tenants"
    every: int = 3
    asks: tuple[str, ...] = ()
    """Parameters of the page's address that are this part's."""
    flag: str = ""
    """The switch without which there is nothing to show."""

    @property
    def template(self) -> str:
        return f"jobs/dashboard/{self.name.replace('-', '_')}.html"

    @property
    def url(self) -> str:
        return reverse("admin:dashboard_part", args=[self.name])


PANELS: Mapping[str, Panel] = {
    panel.name: panel
    for panel in (
        Panel("start", "Three steps to the first run", start.build, live="tenants scheduler workers", every=2),
        Panel("now", "Now", now.build, live="tenants scheduler workers"),
        Panel("runs", "Runs", runs.build, every=5, asks=("window",)),
        Panel("days", "120 days", days.build, every=60),
        Panel("next-day", "Next 24 hours", next_day.build, every=5, flag=runtime_flags.SCHEDULER_ENABLED),
        Panel("log", "Execution log", log.build, asks=("status",)),
        Panel("system", "Scheduler and workers", system.build, live="tenants scheduler workers", every=5),
        Panel("events", "Events", events.build, live="", asks=("level", "type", "time", "job", "before")),
        Panel("tree", "Jobs", tree.build, every=5, asks=("group",)),
    )
}
FIRST = "now"
# Side by side, and then over the whole width.
STACKS = (("runs", "days", "log"), ("next-day", "system"), ("events", "tree"))


def stacks() -> list[list[Panel]]:
    """Those below the fold, as the switches of the system have it."""
    off = {flag.name for flag in runtime_flags.current() if not flag.value}
    return [[PANELS[name] for name in names if PANELS[name].flag not in off] for names in STACKS]
