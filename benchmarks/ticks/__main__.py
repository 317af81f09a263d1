"""`make bench-ticks`: Daybook and stock django-celery-beat in turn on the same servers. The last line is JSON."""

from __future__ import annotations

import argparse
import json
import time
from datetime import timedelta
from typing import Any

from benchmarks import daybook, servers
from benchmarks.servers import Servers
from benchmarks.ticks import ours
from benchmarks.ticks.arrivals import Arrivals
from benchmarks.ticks.instants import TooLate, next_minute, next_second
from benchmarks.ticks.stock import measure as stock_measure

ALL = (1_000, 10_000, 100_000)
STARTED = time.monotonic()
COLUMNS = {
    "jobs": 8, "last s": 9, "p50 s": 9, "p99 s": 9, "cpu s": 8, "db cpu s": 9,
    "start s": 9, "edit ms": 9, "idle %": 8, "MB": 6,
}  # fmt: skip
HEADER = f"{'scheduler':<22}" + "".join(f"{name:>{width}}" for name, width in COLUMNS.items())


def main() -> None:
    options = _options()
    figures: dict[str, Any] = {}
    rows: list[str] = []
    with servers.running() as running:
        if options.only != "stock":
            daybook.set_up(running)
            rows += [_ours(running, count, figures, options) for count in options.jobs]
        if options.only != "ours":
            few = [count for count in options.jobs if count <= options.stock_most]
            rows += [_stock(running, count, figures, options) for count in few]
    if "beat_1000_s" in figures and "ours_1000_s" in figures:
        figures["ratio_to_beat"] = round(figures["beat_1000_s"] / figures["ours_1000_s"], 1)
    print(f"\n{HEADER}", *rows, "", json.dumps(figures), sep="\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-ticks ARGS=...", description=__doc__)
    parser.add_argument("--only", choices=("ours", "stock"), help="measure one of the two")
    parser.add_argument("--jobs", type=int, nargs="+", default=ALL, help="numbers of jobs, one measurement each")
    parser.add_argument("--idle", type=float, default=10.0, help="seconds of idleness to measure")
    parser.add_argument("--soon", action="store_true", help="intervals only: no wait for the full minute of cron")
    parser.add_argument("--stock-most", type=int, default=1_000, help="most jobs that the peer is given")
    parser.add_argument("--stock-seconds", type=float, default=110.0, help="patience with the peer after the minute")
    return parser.parse_args()


def _ours(running: Servers, count: int, figures: dict[str, Any], options: argparse.Namespace) -> str:
    _say(f"Daybook, {count:,} jobs")
    ahead = timedelta(seconds=options.idle * 1.5 + 8 + count / 1_500)
    for last_try in (False, False, True):
        due_at = next_second(ahead) if options.soon else next_minute(ahead)
        try:
            found = ours.measure(running, count, due_at=due_at, idle_seconds=options.idle, seconds=120, say=_say)
            break
        except TooLate as error:
            if last_try:
                raise
            ahead *= 5
            _say(f"{error} Once more, with more time.")
    edit, slowest = found.edit_milliseconds[len(found.edit_milliseconds) // 2], found.edit_milliseconds[-1]
    figures |= _figures("ours", count, found.arrivals) | {
        f"jobs_{count}_start_s": round(found.start_seconds, 2),
        f"jobs_{count}_edit_ms": round(edit, 1),
        f"jobs_{count}_edit_max_ms": round(slowest, 1),
        f"jobs_{count}_rss_mb": round(found.megabytes),
        f"jobs_{count}_rss_idle_mb": round(found.megabytes_before),
        f"jobs_{count}_idle_percent": round(found.idle_percent, 1),
        f"jobs_{count}_idle_database_percent": round(found.database_idle_percent, 1),
    }
    rest = f"{found.start_seconds:>9.2f}{edit:>9.1f}{found.idle_percent:>8.1f}{found.megabytes:>6.0f}"
    return _row("Daybook", count, found.arrivals, rest)


def _stock(running: Servers, count: int, figures: dict[str, Any], options: argparse.Namespace) -> str:
    _say(f"django-celery-beat, {count:,} jobs")
    due_at = next_minute(timedelta(seconds=20 + count / 1_500))
    found = stock_measure.measure(running, count, due_at=due_at, seconds=options.stock_seconds, say=_say)
    figures |= _figures("beat", count, found.arrivals) | {f"beat_{count}_rss_mb": round(found.megabytes)}
    return _row("django-celery-beat", count, found.arrivals, f"{found.megabytes:>32.0f}")


def _figures(who: str, count: int, arrivals: Arrivals) -> dict[str, Any]:
    """What was not reached in the time is told as a count, never as a time."""
    figures: dict[str, Any] = {
        f"{who}_{count}_p99_s": round(arrivals.percentile(99), 3),
        f"{who}_{count}_cpu_s": round(arrivals.processor_seconds, 2),
        f"{who}_{count}_database_cpu_s": round(arrivals.database_processor_seconds, 2),
    }
    if arrivals.is_complete:
        return figures | {f"{who}_{count}_s": round(arrivals.last, 3)}
    return figures | {f"{who}_{count}_sent": len(arrivals.lateness), f"{who}_{count}_after_s": round(arrivals.last, 1)}


def _row(name: str, count: int, arrivals: Arrivals, rest: str) -> str:
    last = f"{arrivals.last:>9.2f}" if arrivals.is_complete else f"{f'{len(arrivals.lateness)} sent':>9}"
    row = f"{name:<22}{count:>8}{last}{arrivals.percentile(50):>9.2f}{arrivals.percentile(99):>9.2f}"
    row += f"{arrivals.processor_seconds:>8.2f}{arrivals.database_processor_seconds:>9.2f}{rest}"
    _say(f"last {last.strip()} s after it was due")
    return row


def _say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:7.1f}  {text}", flush=True)


if __name__ == "__main__":
    main()
