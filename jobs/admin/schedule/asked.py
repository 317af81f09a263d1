"""What the address of the schedule's page asks for: a view, a stretch of time, and which jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django.http import QueryDict

from jobs.admin.charts.agenda import Axis
from scheduler_project.lib import viewer_zone

VIEWS = {"forecast": "Forecast", "calendar": "Calendar", "list": "Day", "load": "Load"}
RANGES = {"24h": "24 hours", "7d": "7 days"}
FILTERS = ("q", "queue", "template", "tag", "tenant")
LONGEST = 100
FIRST_YEAR, LAST_YEAR = 2000, 2198


@dataclass(frozen=True)
class Asked:
    view: str
    range: str
    day: date
    filters: dict[str, str]
    as_table: bool
    page: int
    zone: tzinfo

    @classmethod
    def read(cls, query: QueryDict, *, now: datetime) -> Asked:
        """What makes no sense counts as not said."""
        zone = viewer_zone.current.get()
        view, span = query.get("view", ""), query.get("range", "")
        page = query.get("page", "")
        return cls(
            view=view if view in VIEWS else "forecast",
            range=span if span in RANGES else "24h",
            day=_day(query.get("day", "") or f"{query.get('month', '')}-01") or now.astimezone(zone).date(),
            filters={name: text for name in FILTERS if (text := query.get(name, "").strip()[:LONGEST])},
            as_table=query.get("as") == "table",
            page=int(page) if page.isdecimal() and 0 < len(page) < 6 else 1,
            zone=zone,
        )

    def address(self, **changes: Any) -> str:
        """The query that asks for the same but for these; a value of None leaves its key out."""
        said: dict[str, Any] = {"view": None if self.view == "forecast" else self.view, **self.filters}
        said["range"] = None if self.range == "24h" else self.range
        said["as"] = "table" if self.as_table else None
        if self.view in ("calendar", "list"):
            said["day"] = self.day.isoformat()
        query = QueryDict(mutable=True)
        for name, value in {**said, **changes}.items():
            if value not in (None, ""):
                query[name] = str(value)
        return f"?{query.urlencode()}"

    def midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone)

    def axis(self, now: datetime) -> Axis:
        """A little of the past, and what was asked of the future; it begins at a full hour or day of the viewer's."""
        here = now.astimezone(self.zone)
        if self.range == "7d":
            since = self.midnight(here.date() - timedelta(days=1))
            return Axis(since, since + timedelta(days=8), timedelta(hours=2), timedelta(days=1))
        since = here.replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
        return Axis(since, since + timedelta(hours=30), timedelta(minutes=30), timedelta(hours=3))


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None
