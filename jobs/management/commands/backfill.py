"""`manage.py backfill JOB --since … --until …`: run a past window of a job again."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import backfill as backfills
from jobs.backfill import MOST_AT_ONCE, OUTCOMES, BackfillIsRunning, Plan
from jobs.definition import InvalidJob
from jobs.executions import JobIsArchived
from jobs.models import Backfill, Job
from jobs.rules.states import BackfillStatus
from scheduler_project.lib import origin

LOOK_EVERY = 1.0  # seconds


class Command(BaseCommand):
    help = (
        "Run a job again for each past instant of its schedule in a window. The ticks of that time stay as they were."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", help="its id or its short name")
        parser.add_argument("--tenant", default="", help="whose job is meant when several use the short name")
        parser.add_argument("--since", required=True, help="first instant, such as 2026-11-01T00:00 (UTC unless told)")
        parser.add_argument("--until", required=True, help="last instant; it lies in the past")
        parser.add_argument(
            "--only", default="", help=f"only ticks with these outcomes, by commas: {', '.join(OUTCOMES)}"
        )
        parser.add_argument(
            "--at-once", type=int, default=1, help=f"runs at a time, {MOST_AT_ONCE} at most (default: 1)"
        )
        parser.add_argument("--note", default="", help="why")
        parser.add_argument("--dry-run", action="store_true", help="each run says what it would do and changes nothing")
        parser.add_argument("--plan", action="store_true", help="say what would run, and start nothing")
        parser.add_argument(
            "--wait", action="store_true", help="show the progress until it has ended; fails with a run"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        job = _find_job(options["job"], options["tenant"])
        only = [word.strip() for word in options["only"].split(",") if word.strip()] or None
        since, until = _instant("since", options["since"]), _instant("until", options["until"])
        try:
            if options["plan"]:
                self._show(job, backfills.plan(job, since, until, only=only))
                return
            started = backfills.start(
                job,
                since=since,
                until=until,
                actor=origin.by_command("backfill"),
                at_once=options["at_once"],
                dry_run=options["dry_run"],
                only=only,
                note=options["note"][:500],
            )
        except InvalidJob as error:
            lines = [f"--{name.replace('_', '-')}: {' '.join(texts)}" for name, texts in error.fields.items()]
            raise CommandError("\n".join(lines)) from error
        except (JobIsArchived, BackfillIsRunning) as error:
            raise CommandError(str(error)) from error
        total = backfills.progress(started).total
        self.stdout.write(f"Started backfill {started.pk} of {job.name}: {total} runs, {started.at_once} at a time.")
        if options["wait"]:
            self._wait(started)

    def _show(self, job: Job, plan: Plan) -> None:
        for run in plan.runs:
            words = " ".join(word for word in (run.outcome, run.reason) if word)
            again = f", ran again by backfill {run.backfilled_by}" if run.backfilled_by else ""
            self.stdout.write(f"{run.due_at:%Y-%m-%d %H:%M:%S}  {words}{again}")
        counts = Counter(run.outcome for run in plan.runs)
        words = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
        self.stdout.write(f"{len(plan.runs)} runs of {job.name}{f': {words}' if words else ''}. Nothing was started.")

    def _wait(self, started: Backfill) -> None:
        """Another process queues the runs, and others run them: this one only looks."""
        shown = ""
        while True:
            started.refresh_from_db()
            now = backfills.progress(started)
            line = (
                f"{now.succeeded} succeeded, {now.failed} failed, {now.cancelled} cancelled, {now.running} running, "
                f"{now.queued} queued, {now.left} left"
            )
            if line != shown:
                self.stdout.write(line)
                shown = line
            if started.status != BackfillStatus.RUNNING:
                break
            time.sleep(LOOK_EVERY)
        if now.failed or started.status != BackfillStatus.DONE:
            raise CommandError(f"{started} is {started.status}; {now.failed} of {now.total} runs failed.")
        self.stdout.write(f"{started} is done.")


def _find_job(which: str, tenant: str) -> Job:
    found = Job.objects.select_related("template")
    found = found.filter(pk=int(which)) if which.isdecimal() and len(which) <= 18 else found.filter(slug=which)
    if tenant:
        found = found.filter(tenant__slug=tenant)
    jobs = list(found[:2])
    if not jobs:
        raise CommandError(f"There is no job {which}{f' of {tenant}' if tenant else ''}.")
    if len(jobs) > 1:
        raise CommandError(f"Several tenants have a job {which}; say with --tenant which one is meant.")
    return jobs[0]


def _instant(name: str, text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"--{name}: write an instant, such as 2026-11-01T00:00 or 2026-11-01T00:00+01:00."
        ) from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
