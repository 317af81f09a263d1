"""The jobs of a run: every policy with every other, intervals of seconds, and minutes by the clock of four zones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from tests.chaos.backlog import NAME

ZONES = ("America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe")
EXPRESSIONS = ("* * * * *", "*/2 * * * *", "* 0-22,23 * * *", "1-59/2 * * * *")
OVERLAPS = ("allow", "skip", "queue_one", "queue_all", "replace")
MISFIRES = ("none", "last", "all")
ON_LOST = ("retry", "fail")
# Runs that all follow each other must be shorter than the interval, or they pile up; the others find their own measure.
INTERVALS = {"allow": (7, 10), "skip": (1, 6), "queue_one": (3, 7), "queue_all": (8, 10), "replace": (5, 10)}
LONG_PERCENT = {"queue_all": 10}
POOLED = "allow"  # the jobs with this policy share a pool
POOL_SIZE = 3
INSTANCES = {("queue_all", "retry"): 2}  # at once; the others of their policy one at a time
LATE_AFTER = 2  # seconds, so that each failover makes ticks late


def definitions(source: random.Random, journal: Path) -> Iterator[dict[str, Any]]:
    """30 jobs with intervals, and as many by the clock as there are zones and a few more."""
    for overlap, misfire, on_lost in product(OVERLAPS, MISFIRES, ON_LOST):
        yield _job(
            f"{overlap} {misfire} {on_lost}",
            journal,
            schedule={"kind": "interval", "every_seconds": source.randint(*INTERVALS[overlap])},
            policies={
                "overlap": overlap,
                "misfire": misfire,
                "on_lost": on_lost,
                "max_instances": INSTANCES.get((overlap, on_lost)),
                **_draw(source),
            },
        )
    for number, zone in enumerate(ZONES * 2):
        yield _job(
            f"By the clock {number} of {zone}",
            journal,
            schedule={"kind": "cron", "cron": EXPRESSIONS[number % len(EXPRESSIONS)], "timezone": zone},
            policies={"overlap": "skip" if number % 2 else "allow"},
        )


def moments(journal: Path) -> dict[str, Any]:
    """The job whose runs come by the thousand, all at once."""
    return {
        "name": NAME,
        "template": "chaos_moment",
        "parameters": {"path": str(journal)},
        "schedule": {"kind": "manual"},
        "priority": "low",
        "policies": {"overlap": "allow", "max_retries": 5, "retry_base_seconds": 0.5, "retry_cap_seconds": 3},
    }


def another(source: random.Random, journal: Path, number: int) -> dict[str, Any]:
    """A job that operators make during the run."""
    overlap = source.choice(OVERLAPS)
    return _job(
        f"Made in between {number}",
        journal,
        schedule={"kind": "interval", "every_seconds": source.randint(*INTERVALS[overlap])},
        policies={"overlap": overlap, "misfire": source.choice(MISFIRES), **_draw(source)},
    )


def changed_schedule(source: random.Random) -> dict[str, Any]:
    """Another time, slow enough for each policy."""
    if source.random() < 0.2:
        return {"kind": "cron", "cron": source.choice(EXPRESSIONS), "timezone": source.choice(ZONES)}
    return {"kind": "interval", "every_seconds": source.randint(8, 12)}


def changed_policies(source: random.Random) -> dict[str, Any]:
    return {"misfire": source.choice(MISFIRES), "on_lost": source.choice(ON_LOST), **_draw(source)}


def _draw(source: random.Random) -> dict[str, Any]:
    return {
        "misfire_cap": source.randint(1, 4),
        "start_deadline_seconds": source.choice([None, None, None, 20]),
    }


def _job(name: str, journal: Path, *, schedule: dict[str, Any], policies: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "template": "chaos_run",
        "parameters": {"path": str(journal), "long_percent": LONG_PERCENT.get(policies["overlap"], 25)},
        "schedule": schedule,
        "policies": {
            "late_after_seconds": LATE_AFTER,
            "timeout_seconds": 14,
            "max_retries": 5,
            "retry_base_seconds": 0.5,
            "retry_cap_seconds": 3,
            **policies,
        },
    }
