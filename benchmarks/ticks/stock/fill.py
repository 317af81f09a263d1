"""Fills the peer's tables: `python -m benchmarks.ticks.stock.fill <rows> <due instant>`."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from itertools import cycle, islice

import django


def fill(count: int, due_at: datetime) -> None:
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks

    from benchmarks.ticks.schedules import patterns

    pointers = []
    for pattern in patterns(due_at):
        if pattern.crontab:
            names = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
            values = dict(zip(names, pattern.crontab, strict=True))
            crontab = CrontabSchedule.objects.create(**values, timezone=pattern.timezone)
            # Its first run would otherwise count from when the process starts.
            pointers.append({"crontab": crontab, "last_run_at": due_at - timedelta(minutes=30)})
        else:
            interval = IntervalSchedule.objects.create(every=pattern.every_seconds, period="seconds")
            last_run_at = due_at - timedelta(seconds=pattern.every_seconds)
            pointers.append({"interval": interval, "last_run_at": last_run_at})
    rows = [
        PeriodicTask(name=f"Job {number}", task="stock.nothing", **pointer)
        for number, pointer in enumerate(islice(cycle(pointers), count), 1)
    ]
    PeriodicTask.objects.bulk_create(rows, batch_size=5_000)
    PeriodicTasks.update_changed()


if __name__ == "__main__":
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    fill(int(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
