"""Mixed schedules that are all due in the same second, and not again within the hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns")
INTERVALS = (3_600, 7_200, 21_600, 86_400, 604_800)


@dataclass(frozen=True)
class Pattern:
    """One schedule, in our words and in Celery's."""

    schedule: dict[str, Any]
    every_seconds: int = 0
    crontab: tuple[str, str, str, str, str] | None = None
    timezone: str = "UTC"


def patterns(due_at: datetime) -> list[Pattern]:
    """Five expressions in six zones and five intervals. Cron knows minutes only: at another second it is left out."""
    if due_at.second:
        return [_interval(due_at, seconds) for seconds in INTERVALS]
    crons = [
        _cron(due_at, zone, fields) for zone in ZONES for fields in _expressions(due_at.astimezone(ZoneInfo(zone)))
    ]
    return crons + [_interval(due_at, seconds) for seconds in INTERVALS]


def _expressions(wall: datetime) -> list[tuple[str, str, str, str, str]]:
    """Minute, hour, day of the month, month, day of the week, at this wall-clock time."""
    minute, hour, weekday = str(wall.minute), str(wall.hour), str(wall.isoweekday() % 7)
    return [
        (minute, "*", "*", "*", "*"),
        (minute, hour, "*", "*", "*"),
        (minute, f"{hour},{(wall.hour + 6) % 24}", "*", "*", weekday),
        (minute, hour, str(wall.day), "*", "*"),
        (minute, "*", "*", str(wall.month), f"{weekday},{(wall.isoweekday() + 2) % 7}"),
    ]


def _cron(due_at: datetime, zone: str, fields: tuple[str, str, str, str, str]) -> Pattern:
    cron = " ".join(fields)
    return Pattern({"kind": "cron", "cron": cron, "timezone": zone}, crontab=fields, timezone=zone)


def _interval(due_at: datetime, seconds: int) -> Pattern:
    anchor = due_at - timedelta(seconds=seconds)
    return Pattern({"kind": "interval", "every_seconds": seconds, "anchor": anchor.isoformat()}, every_seconds=seconds)
