"""`manage.py verify_ledger`: holds the ledger against what was due, and exits with 1 when the promise was broken."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.models import Job
from jobs.verification import verifier
from jobs.verification.report import Report
from scheduler_project.lib import sql

BAD_INPUT = 2


class Command(BaseCommand):
    help = (
        "Recompute from the revisions what was due, compare it with the ledger, and print what became of every tick. "
        "Reads only. Exits with 1 when anything was due and not recorded, recorded and not due, recorded twice, fired "
        "without an execution, executed without a tick, or repaired by the reconciler; with 2 when it was asked badly."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=_instant, help="first instant, e.g. 2026-11-01 or 2026-11-01T08:00+01:00")
        parser.add_argument("--until", type=_instant, help="first instant not to look at any more (default: now)")
        parser.add_argument("--job", default="", help="only this one: an id, a slug, or tenant/slug")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")

    def handle(self, *args: Any, **options: Any) -> None:
        since, until = options["since"], options["until"]
        if since is not None and since >= (until or sql.now()):
            message = "--since is not before --until." if until else "--since lies in the future."
            raise CommandError(message, returncode=BAD_INPUT)
        report = verifier.verify(
            since=since, until=until, job_id=_job_id(options["job"]), tell=self._progress if _is_watched() else _nothing
        )
        if _is_watched():
            self.stderr.write("", str)
        self._print(report, as_json=options["json"])
        if not report.holds:
            sys.exit(1)

    def _print(self, report: Report, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(report.to_json(), indent=2))
        else:
            self.stdout.write("\n".join(report.lines()))

    def _progress(self, jobs: int, ticks: int) -> None:
        self.stderr.write(f"\r{jobs:,} jobs, {ticks:,} ticks", str, ending="")
        self.stderr.flush()


def _is_watched() -> bool:
    return sys.stderr.isatty()


def _nothing(jobs: int, ticks: int) -> None:
    pass


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no instant; write 2026-11-01 or 2026-11-01T08:00+01:00") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _job_id(text: str) -> int | None:
    if not text:
        return None
    if text.isdecimal():
        found = Job.objects.filter(pk=int(text)) if int(text) < 2**63 else Job.objects.none()
    else:
        tenant, _, slug = text.rpartition("/")
        found = Job.objects.filter(slug=slug, **({"tenant__slug": tenant} if tenant else {}))
    jobs = list(found.order_by("pk").values_list("pk", "tenant__slug"))
    if not jobs:
        raise CommandError(f"There is no job {text}; write its id, its slug, or tenant/slug.", returncode=BAD_INPUT)
    if len(jobs) > 1:
        choices = ", ".join(f"{tenant}/{text}" for _, tenant in jobs)
        raise CommandError(f"Several tenants have a job {text}; write one of {choices}.", returncode=BAD_INPUT)
    return jobs[0][0]
