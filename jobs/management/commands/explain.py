"""`manage.py explain job|tick|execution`: why something ran or did not, as the API tells it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from jobs.api.explain import ExplanationSerializer
from jobs.explain import Explanation, Step, explain_execution, explain_job, explain_tick
from jobs.explain.wording import instant
from jobs.models import Execution, Job, Tick
from scheduler_project.lib import sql

MARKS = {"passed": "ok", "blocked": "STOP", "not_reached": "-", "noted": "*"}


class Command(BaseCommand):
    help = "Say why a job, a tick or an execution ran or did not: the rules in their order, the first that blocked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", choices=["job", "tick", "execution"])
        parser.add_argument("which", help="Its id; of a job also its short name")
        parser.add_argument("--tenant", default="", help="Whose job is meant when several tenants use the short name")
        parser.add_argument("--json", action="store_true", help="As the API answers")

    def handle(self, *args: Any, **options: Any) -> None:
        found = explained(options["subject"], options["which"], options["tenant"])
        if options["json"]:
            self.stdout.write(json.dumps(ExplanationSerializer(found).data, indent=2, ensure_ascii=False))
            return
        self.stdout.write(f"{found.title}\n\n{found.answer}\n")
        for title, steps in (("", found.steps), *((section.title, section.steps) for section in found.further)):
            self.stdout.write(f"\n{title}" if title else "")
            for step in steps:
                self.stdout.write(line(step))


def line(step: Step) -> str:
    known = [
        f"by {step.by}" if step.by else "",
        f"since {instant(step.since)}" if step.since else "",
        f"clears {instant(step.clears_at)}" if step.clears_at else "",
    ]
    signed = ", ".join(part for part in known if part) if step.blocks else ""
    return f"  {MARKS[step.state]:>4}  {step.title:<28} {step.text}{f' [{signed}]' if signed else ''}"


def explained(subject: str, which: str, tenant: str) -> Explanation:
    """Raises CommandError for what there is not."""
    if subject == "job":
        return explain_job(_find_job(which, tenant), now=sql.now())
    if not (which.isdecimal() and len(which) <= 18):
        raise CommandError(f"Write the id of the {subject}, a whole number.")
    if subject == "tick":
        tick = Tick.objects.filter(pk=int(which)).first()
        if tick is None:
            raise CommandError(f"There is no tick {which}.")
        return explain_tick(tick)
    execution = Execution.objects.filter(pk=int(which)).first()
    if execution is None:
        raise CommandError(f"There is no execution {which}.")
    return explain_execution(execution, now=sql.now())


def _find_job(which: str, tenant: str) -> Job:
    jobs: QuerySet[Job] = Job.objects.select_related("template", "tenant")
    if tenant:
        jobs = jobs.filter(tenant__slug=tenant)
    is_id = which.isdecimal() and len(which) <= 18
    found = list(jobs.filter(pk=int(which)) if is_id else jobs.filter(slug=which))
    if not found:
        raise CommandError(f"There is no job {which}{f' of {tenant}' if tenant else ''}.")
    if len(found) > 1:
        raise CommandError(f"Several tenants have a job {which}; name one: {', '.join(j.tenant.slug for j in found)}.")
    return found[0]
