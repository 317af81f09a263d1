"""`manage.py run_scheduler`: scheduler and executions in one process on APScheduler, for SCHEDULER_USE_CELERY=false."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connection

from jobs.backends.apscheduler import Runner
from jobs.execution import registration
from jobs.execution.identity import child_worker_name
from jobs.recovery import loss
from jobs.tick.service import Service


class Command(BaseCommand):
    help = "Decide what is due and run it, without Celery and without Redis (SCHEDULER_USE_CELERY=false)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--slots", type=int, default=4, help="how many executions at once (default: 4)")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SCHEDULER_USE_CELERY:
            raise CommandError(
                "SCHEDULER_USE_CELERY is true, so Celery executes: start `celery -A scheduler_project beat` and a "
                "worker, or set SCHEDULER_USE_CELERY=false."
            )
        if not 1 <= options["slots"] <= 100:
            raise CommandError("--slots: write a number from 1 to 100.")
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        runner = Runner(slots=options["slots"], on_death=lambda pid: _settle(pid, while_stopping=stopping.is_set()))
        service = Service()
        service.start()
        runner.every(timedelta(seconds=0.25), "dispatch", runner.dispatch)
        runner.every(timedelta(seconds=0.5), "tick", service.turn.take)
        name = child_worker_name(os.getpid())  # its children run things under the same name
        runner.every(
            settings.DAYBOOK_HEARTBEAT,
            "registration",
            lambda: registration.beat(name, queues=[], concurrency=options["slots"]),
        )
        runner.scheduler.start()
        self.stdout.write(f"Scheduling and running up to {options['slots']} executions at once.")
        stopping.wait()
        runner.scheduler.shutdown(wait=True)
        service.stop()
        runner.drain()
        with suppress(Error):  # then its heartbeat grows old
            registration.stop(name)


def _settle(pid: int, *, while_stopping: bool) -> None:
    """What a dead child left behind; without the database it is the reaper's."""
    try:
        loss.settle_process(child_worker_name(os.getpid()), pid, while_stopping=while_stopping)
    except Error:
        connection.close()
