"""`make bench-outage`: days without a scheduler, and how it catches up. The last line is JSON."""

from __future__ import annotations

import argparse
import json
import shutil
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import daybook, servers
from benchmarks.outage.turns import TurnLog, percentile
from benchmarks.processes import Process

BYTES_PER_TICK = 350  # the row and its indexes
STARTED = time.monotonic()
CONTROL = "control"


def main() -> None:
    options = _options()
    expected = int(options.days * 1440) * options.jobs
    with servers.running() as running:
        free = shutil.disk_usage(running.folder).free
        if expected * BYTES_PER_TICK * 2 > free:
            raise SystemExit(f"{expected:,} ticks need room for twice their size, and {free >> 30} GB are free.")
        daybook.set_up(running)
        url = daybook.use(running, "outage")
        _make_jobs(options.jobs, options.days)
        _say(f"{options.jobs} jobs have stood still for {options.days:g} days: {expected:,} ticks are due")
        with daybook.scheduler(url, running.broker(0), running.folder, **daybook.WITHOUT_WORKERS) as scheduler:
            figures = _catch_up(scheduler, expected, options.minutes)
        figures |= {"days": options.days, "jobs": options.jobs} | _control() | _outcomes()
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outage", description=__doc__)
    parser.add_argument("--days", type=float, default=30, help="how long nobody decided anything")
    parser.add_argument("--jobs", type=int, default=500, help="jobs that are due each minute")
    parser.add_argument("--minutes", type=float, default=60, help="stop after this time, and tell how far it came")
    return parser.parse_args()


def _make_jobs(count: int, days: float) -> None:
    """Half of them make up for what they missed, as far as their cap; half never do. And one on time, each second."""
    from django.db import connection

    every_minute = [{"kind": "cron", "cron": "* * * * *"}]
    wide = {"overlap": "allow", "misfire_window_seconds": 366 * 86_400}
    daybook.make_jobs(every_minute, count // 2, policies={**wide, "misfire": "all"}, name="All")
    daybook.make_jobs(every_minute, count - count // 2, policies={**wide, "misfire": "none"}, name="None")
    since = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=days)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE dynamic_jobs SET next_tick_at = %s", [since])
    each_second = {"kind": "interval", "every_seconds": 1, "anchor": since.isoformat()}
    daybook.make_jobs([each_second], 1, policies={"overlap": "allow"}, name=CONTROL)


def _catch_up(scheduler: Process, expected: int, minutes: float) -> dict[str, Any]:
    from jobs.models import Job

    log, began, told, most = TurnLog(scheduler.log), time.monotonic(), 0.0, 0.0
    is_done = False
    while not is_done and time.monotonic() < began + minutes * 60:
        time.sleep(0.5)
        scheduler.expect_alive()
        log.read()
        is_done = log.ticks >= expected and not Job.objects.filter(next_tick_at__lt=datetime.now(UTC) - LATE).exists()
        most = max(most, scheduler.megabytes())
        if is_done or time.monotonic() > told + 10:
            told = time.monotonic()
            rate = log.ticks / (told - began)
            _say(f"{log.ticks:>12,} ticks ({min(log.ticks / expected, 1):.0%}), {rate:,.0f}/s, {most:.0f} MB")
    seconds = time.monotonic() - began
    durations = log.durations(above=100)
    return {
        "ticks": log.ticks,
        "is_complete": is_done,
        "seconds": round(seconds, 1),
        "ticks_per_second": round(log.ticks / seconds),
        "turns": len(durations),
        "turn_p50_s": round(percentile(durations, 50), 3),
        "turn_p99_s": round(percentile(durations, 99), 3),
        "turn_max_s": round(percentile(durations, 100), 3),
        "rss_max_mb": round(most),
    }


LATE = timedelta(minutes=1)


def _control() -> dict[str, Any]:
    """How late the job was that was due each second all the while: decided, and published."""
    from jobs.models import Execution, Job, Tick

    job = Job.objects.get(name=CONTROL)
    ticks = Tick.objects.filter(job=job).values_list("due_at", "decided_at", "outcome")
    decided = sorted((decided_at - due_at).total_seconds() for due_at, decided_at, _ in ticks)
    runs = Execution.objects.filter(job=job, published_at__isnull=False).values_list("scheduled_for", "published_at")
    published = sorted((at - due_at).total_seconds() for due_at, at in runs if due_at and at)
    return {
        "control_ticks": len(decided),
        "control_fired": sum(outcome == "fired" for _, _, outcome in ticks),
        **{f"control_decided_p{percent}_s": round(percentile(decided, percent), 3) for percent in (50, 99)},
        "control_decided_max_s": round(percentile(decided, 100), 3),
        **{f"control_published_p{percent}_s": round(percentile(published, percent), 3) for percent in (50, 99)},
        "control_published_max_s": round(percentile(published, 100), 3),
    }


def _outcomes() -> dict[str, Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT outcome || coalesce(nullif(':' || reason, ':'), ''), count(*) FROM ticks GROUP BY 1")
        counted = dict(cursor.fetchall())
        cursor.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('ticks')")
        return {"outcomes": counted, "ledger_mb": int(cursor.fetchone()[0]) // 1_000_000}


def _say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:7.1f}  {text}", flush=True)


if __name__ == "__main__":
    main()
