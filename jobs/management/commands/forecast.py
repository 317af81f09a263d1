"""`manage.py forecast`: the work that is expected per hour and queue, full minutes, and the last forecast's error."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.api.forecast_output import ForecastSerializer
from jobs.api.parameters import MOST_HOURS
from jobs.forecast import Forecast, ForecastError, forecast, last_error
from jobs.models import Job
from scheduler_project.lib import sql
from scheduler_project.lib.markup import duration


class Command(BaseCommand):
    help = "Say how much work the schedules of all jobs mean, hour by hour and queue by queue. Times are in UTC."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--hours", type=int, default=24, help=f"how far ahead, {MOST_HOURS} at most (default: 24)")
        parser.add_argument("--queue", default="", help="only jobs of this queue")
        parser.add_argument("--json", action="store_true", help="print what the API answers")

    def handle(self, *args: Any, **options: Any) -> None:
        hours, queue = options["hours"], options["queue"]
        if not 1 <= hours <= MOST_HOURS:
            raise CommandError(f"--hours: write a number from 1 to {MOST_HOURS}.")
        now = sql.now()
        found = forecast(Job.objects.all(), since=now, until=now + timedelta(hours=hours), queue=queue)
        error = last_error(now=now, queues={queue} if queue else None)
        if options["json"]:
            context = {"names": found.job_names, "error": error, "sees_all": True}
            self.stdout.write(json.dumps(ForecastSerializer(found, context=context).data, ensure_ascii=False, indent=2))
        else:
            self.stdout.write(
                "\n".join([*_reach(found), *_hours(found), *_herds(found), *_peak(found), *_error(error)])
            )


def _reach(found: Forecast) -> list[str]:
    fires = len(found.upcoming.ticks) - found.held_back
    line = f"{fires} ticks will fire until {found.until:%Y-%m-%d %H:%M}, {found.held_back} are held back."
    if found.is_complete:
        return [line]
    return [line, "There are more ticks than a forecast looks at; nothing is known of what comes later."]


def _hours(found: Forecast) -> list[str]:
    if not found.hours:
        return []
    rows = [
        f"{entry.hour:%Y-%m-%d %H}:00  {entry.queue:<20} {entry.ticks:>8}  {duration(entry.seconds):>10}"
        + (f"  ({entry.unknown} of unknown duration)" if entry.unknown else "")
        for entry in found.hours
    ]
    return ["", f"{'Hour':<16}  {'Queue':<20} {'Ticks':>8}  {'Work':>10}", *rows]


def _herds(found: Forecast) -> list[str]:
    if not found.herds:
        return []
    rows = [
        f"{herd.minute:%Y-%m-%d %H:%M}  {herd.starts:>6}  {_names(found, herd.job_ids, herd.starts)}\n"
        f"{'':26}{herd.free:%H:%M} {'is free' if not herd.free_starts else f'has {herd.free_starts}'}"
        for herd in found.herds
    ]
    return ["", "Minutes in which several jobs start", *rows]


def _names(found: Forecast, job_ids: tuple[int, ...], starts: int) -> str:
    shown = [found.job_names[job_id] for job_id in job_ids[:5]]
    return ", ".join(shown) + (", …" if starts > len(shown) else "")


def _peak(found: Forecast) -> list[str]:
    if found.peak.at is None:
        return []
    processes = f"the workers that report have {found.processes} processes"
    return ["", f"At most {found.peak.running} runs at once, at {found.peak.at:%Y-%m-%d %H:%M}; {processes}."]


def _error(error: ForecastError | None) -> list[str]:
    if error is None:
        return ["", "No hour is over yet that a forecast was kept for."]
    total = error.total
    return [
        "",
        f"The forecast of {error.hour:%Y-%m-%d %H}:00 said {total.expected_ticks} ticks and "
        f"{duration(total.expected_seconds)} of work; there were {total.ticks} ({_percent(total.ticks_percent)}) and "
        f"{duration(total.seconds)} ({_percent(total.seconds_percent)}).",
    ]


def _percent(value: float | None) -> str:
    return "all of it too much" if value is None else f"{value:+.1f} %"
