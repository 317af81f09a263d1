"""The catalogue of ways in which a job can be due: those that there are, and what administrators made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COUNT = {"type": "integer", "minimum": 0}
TIMEZONE = {"type": "string", "description": "IANA name, such as Europe/Berlin; UTC unless told."}
PART = {"type": ["string", "integer"]}

INTERVAL = {
    "type": "object",
    "properties": dict.fromkeys(("weeks", "days", "hours", "minutes", "seconds"), COUNT),
    "additionalProperties": False,
}
CRON = {
    "type": "object",
    "properties": {
        "cron": {"type": "string", "maxLength": 100, "description": "Five fields."},
        **dict.fromkeys(("minute", "hour", "day", "month", "day_of_week"), PART),
        "day_match": {"type": "string", "enum": ["all", "any"]},
        "timezone": TIMEZONE,
    },
    "additionalProperties": False,
}
RUN_DATE = {
    "type": "object",
    "properties": {"run_date": {"type": "string", "format": "date-time", "description": "With its offset."}},
    "required": ["run_date"],
    "additionalProperties": False,
}
NOTHING = {"type": "object", "additionalProperties": False}

SEEDS: tuple[Mapping[str, Any], ...] = (
    {
        "name": "cron",
        "title": "Cron",
        "description": "At the times that a cron expression names, by the clock of a time zone.",
        "kind": "cron",
        "fields": CRON,
    },
    {
        "name": "interval",
        "title": "Interval",
        "description": "Again and again, so many hours, minutes and seconds apart.",
        "kind": "interval",
        "fields": INTERVAL,
    },
    {
        "name": "date",
        "title": "Date",
        "description": "Once, at an instant.",
        "kind": "once",
        "fields": RUN_DATE,
    },
    {
        "name": "once",
        "title": "Once",
        "description": "The same as `date`.",
        "kind": "once",
        "fields": RUN_DATE,
    },
    {
        "name": "manual",
        "title": "By hand",
        "description": "Only when somebody, another job or a hook starts it.",
        "kind": "manual",
        "fields": NOTHING,
    },
)
