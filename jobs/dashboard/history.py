"""How the runs of hours and days ended: sums that the projection keeps, so that no execution is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from jobs.dashboard.figures import MINE
from jobs.rules.states import BURIED
from scheduler_project.lib import sql

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

HOURS = f"""
SELECT hour, status, sum(count)::bigint AS count FROM run_hours
WHERE hour >= %(since)s AND hour < %(until)s AND {MINE} GROUP BY hour, status
"""  # noqa: S608
DAYS = f"""
SELECT (hour AT TIME ZONE %(zone)s)::date AS day, status, sum(count)::bigint AS count FROM run_hours
WHERE hour >= %(since)s AND {MINE} GROUP BY 1, 2
"""  # noqa: S608


@dataclass
class Ended:
    """How many runs ended in a stretch of time, and how."""

    by_status: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def succeeded(self) -> int:
        return self.by_status.get("succeeded", 0)

    @property
    def failed(self) -> int:
        return sum(self.by_status.get(status, 0) for status in BURIED)

    @property
    def cancelled(self) -> int:
        return self.by_status.get("cancelled", 0)

    def add(self, other: Ended) -> None:
        for status, count in other.by_status.items():
            self.by_status[status] += count


Hours = Mapping[datetime, Ended]


def hours(tenant_ids: Sequence[int] | None, *, since: datetime, until: datetime) -> Hours:
    """By the beginning of each hour in which any run ended."""
    values = {"tenants": _listed(tenant_ids), "since": since, "until": until}
    found: dict[datetime, Ended] = defaultdict(Ended)
    for row in sql.rows(HOURS, values, prepare=False):
        found[row["hour"]].by_status[row["status"]] += row["count"]
    return found


def days(tenant_ids: Sequence[int] | None, *, since: datetime, zone: str) -> dict[date, Ended]:
    """By the days of a zone; an hour belongs to the day in which it begins."""
    found: dict[date, Ended] = defaultdict(Ended)
    for row in sql.rows(DAYS, {"tenants": _listed(tenant_ids), "since": since, "zone": zone}, prepare=False):
        found[row["day"]].by_status[row["status"]] += row["count"]
    return found


def last_day_and_before(found: Hours, *, now: datetime) -> tuple[Ended, dict[str, float]]:
    """What ended since the hour of this time yesterday, and what of it had ended by this time in the day before: of
    the hour that is only half over, the share that is."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    since = this_hour - DAY
    last, before = Ended(), {"succeeded": 0.0, "failed": 0.0}
    share = (now - this_hour) / HOUR
    for hour, ended in found.items():
        if hour >= since:
            last.add(ended)
        weight = 1.0 if since - DAY <= hour < since else share if hour == since else 0.0
        before["succeeded"] += weight * ended.succeeded
        before["failed"] += weight * ended.failed
    return last, before


def _listed(tenant_ids: Sequence[int] | None) -> list[int] | None:
    return None if tenant_ids is None else list(tenant_ids)
