"""`manage.py simulate`: the ledger that jobs would have, by the true planner on a virtual clock. Writes nothing."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.models import Job
from jobs.rules.calendar import MaintenanceWindow
from jobs.rules.policy import InvalidPolicy
from jobs.rules.schedule import InvalidSchedule
from jobs.simulation import Outage, Recorded, Simulated, SimulatedJob, simulate, source
from jobs.simulation.source import BadDocument, instant

ONE_SCHEDULER = re.compile(r"(\d+):(?=\d{4}-)")
MOST_SCHEDULERS = 20


class Command(BaseCommand):
    help = "Print the ledger that would result, for the jobs of the database or of a JSON file; nothing is written."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", required=True, help="ISO 8601; UTC unless it has an offset")
        parser.add_argument("--to", dest="end", required=True)
        parser.add_argument("--job", action="append", default=[], help="Short name or id; all enabled ones unless told")
        parser.add_argument("--tenant", default="", help="Only jobs of this tenant")
        parser.add_argument("--file", type=Path, help="Jobs of a JSON document instead of the database's")
        parser.add_argument("--schedulers", type=int, default=2, help="How many schedulers run (2)")
        parser.add_argument(
            "--down", action="append", default=[], metavar="A/B", help="All are down from A to B; 1:A/B: only the first"
        )
        parser.add_argument("--policy", default="", help="Overrides, such as misfire=all,overlap=queue_one")
        parser.add_argument("--duration", type=float, help="Seconds that each run takes; else as the last runs did")
        parser.add_argument("--all", action="store_true", help="Every tick, not only counts")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = simulated(options)
        except (BadDocument, InvalidPolicy, InvalidSchedule, ValueError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(as_json(found, rows=options["all"]), indent=2))
            return
        for line in ledger_lines(found) if options["all"] else count_lines(found):
            self.stdout.write(line)
        for line in summary_lines(found):
            self.stdout.write(line)


def simulated(options: dict[str, Any]) -> Simulated:
    """Raises ValueError and its like for options that do not fit."""
    start, end = instant(options["start"]), instant(options["end"])
    if end < start:
        raise CommandError("--to lies before --from.")
    if not 1 <= options["schedulers"] <= MOST_SCHEDULERS:
        raise CommandError(f"--schedulers: write a whole number from 1 to {MOST_SCHEDULERS}.")
    length = options["duration"]
    duration = None if length is None else timedelta(seconds=length)
    jobs: list[SimulatedJob]
    windows: tuple[MaintenanceWindow, ...]
    if options["file"] is not None:
        jobs, windows = source.read(_read(options["file"]), duration=duration)
    else:
        jobs, windows = source.simulated(
            _stored(options["job"], options["tenant"]), start=start, end=end, duration=duration
        )
    changes = policy_changes(options["policy"])
    jobs = [source.with_policy(job, changes) for job in jobs]
    outages = [outage(text, options["schedulers"]) for text in options["down"]]
    return simulate(jobs, start, end, schedulers=options["schedulers"], outages=outages, maintenance=windows)


def outage(text: str, schedulers: int) -> Outage:
    """`A/B`, or `1:A/B` for one scheduler. Raises ValueError."""
    one = ONE_SCHEDULER.match(text)
    start, slash, end = text[one.end() if one else 0 :].partition("/")
    if not slash:
        raise ValueError(f"--down {text}: write two instants, such as 2026-11-01T05:00:00Z/2026-11-01T07:00:00Z.")
    number = int(one[1]) if one else None
    if number is not None and not 1 <= number <= schedulers:
        raise ValueError(f"--down {text}: there are schedulers 1 to {schedulers}.")
    return Outage(instant(start), instant(end), number)


def policy_changes(text: str) -> dict[str, Any]:
    """`misfire=all,max_runs=3`; `none` is a word where the policy has it, and else no value."""
    found: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value.strip()
    return found


def _stored(which: Sequence[str], tenant: str) -> list[Job]:
    jobs = Job.objects.filter(archived_at=None).select_related("template").order_by("slug", "pk")
    if tenant:
        jobs = jobs.filter(tenant__slug=tenant)
    if not which:
        return list(jobs.filter(is_enabled=True))
    found = [job for job in jobs if job.slug in which or str(job.pk) in which]
    missing = set(which) - {word for job in found for word in (job.slug, str(job.pk))}
    if missing:
        raise CommandError(f"There is no job {', '.join(sorted(missing))}.")
    return found


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadDocument(f"{path} is not JSON: {error}") from error


# --- what is printed --------------------------------------------------------------------------------------------------


def ledger_lines(found: Simulated) -> list[str]:
    width = max((len(row.job) for row in found.ledger), default=3)
    lines = [f"{'Job':<{width}}  {'Due (local)':<25}  {'Outcome':<9}  {'Reason':<18}  Decided after"]
    for row in found.ledger:
        waited = f"{(row.decided_at - row.due_at).total_seconds():,.0f} s"
        blocked = f"  by the run of {row.blocked_by.isoformat()}" if row.blocked_by else ""
        lines.append(
            f"{row.job:<{width}}  {row.local.isoformat():<25}  {row.outcome:<9}  {row.reason:<18}  {waited}{blocked}"
        )
    return lines


def count_lines(found: Simulated) -> list[str]:
    counts = found.counts()
    width = max((len(job) for job in counts), default=3)
    lines = [f"{'Job':<{width}}  {'Ticks':>7}  What becomes of them"]
    for job, words in counts.items():
        told = ", ".join(f"{count} {word}" for word, count in words.most_common())
        lines.append(f"{job:<{width}}  {words.total():>7,}  {told}")
    return lines


def summary_lines(found: Simulated) -> list[str]:
    led = "; ".join(f"{lead.scheduler} from {lead.since.isoformat()}" for lead in found.leads[:10])
    more = f" and {len(found.leads) - 10} more" if len(found.leads) > 10 else ""
    lines = ["", f"{len(found.ledger):,} ticks. Scheduler {led}{more}." if found.leads else "No scheduler ever led."]
    lines += [f"{job}: {count} ticks undecided at the end, nobody led." for job, count in found.undecided.items()]
    lines += [f"{job}: {count} runs not started before their deadline." for job, count in found.expired.items()]
    return lines


def as_json(found: Simulated, *, rows: bool) -> dict[str, Any]:
    return {
        "from": found.start.isoformat(),
        "to": found.end.isoformat(),
        "ticks": len(found.ledger),
        "counts": {job: dict(words) for job, words in found.counts().items()},
        "undecided": found.undecided,
        "expired": found.expired,
        "leads": [
            {"scheduler": lead.scheduler, "since": lead.since.isoformat(), "until": lead.until.isoformat()}
            for lead in found.leads
        ],
        **({"ledger": [_row(row) for row in found.ledger]} if rows else {}),
    }


def _row(row: Recorded) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in vars(row).items()}
