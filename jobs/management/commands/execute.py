"""`manage.py execute ID`: run one queued execution in this process."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs.execution import executor, processes
from jobs.execution.identity import child_worker_name


class Command(BaseCommand):
    help = "Run one queued execution in this process. Ends with 75 when it is not to be had."
    # The scheduler was checked when it was started. Here it would cost each run the loading of every page.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("execution_id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        processes.claim_this_process()
        status = executor.execute(options["execution_id"], worker=child_worker_name(os.getppid()))
        if status is None:
            self.stdout.write(f"Execution {options['execution_id']} is not queued, not due yet, or has no free slot.")
            raise SystemExit(os.EX_TEMPFAIL)  # or whoever started this would do so again at once
        self.stdout.write(f"Execution {options['execution_id']}: {status}")
