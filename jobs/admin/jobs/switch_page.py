"""Asks before a schedule is switched: shows what it would do and, where something was missed, what to do with it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts import access
from accounts.scopes import Scope
from jobs import impact
from jobs.admin.jobs.columns import job_url
from jobs.admin.jobs.operations import OPERATIONS, REFUSALS, Caller, in_words
from jobs.backfill import BackfillIsRunning
from jobs.definition import InvalidJob
from jobs.impact import Impact
from jobs.models import Job
from scheduler_project.lib import sql

MOST_NOTE = 500
SWITCHES = {"resume": impact.resume, "enable": impact.enable}
ASKED = ("resume", "enable", "disable")
WORDS = {"none": "Run none of it", "last": "Run the last one", "all": "Run all of it, one after another"}


def respond(request: HttpRequest, site_context: dict[str, Any], job: Job, name: str) -> HttpResponse:
    """The question, or with POST the deed. Whoever may change the job has been let in."""
    if name not in ASKED:
        raise Http404(f"There is no question about {name}.")
    if request.method == "POST" and name in SWITCHES:
        return _switch(request, job, name)
    try:
        found = impact.assess(impact.propose_action(job, name, now=sql.now()), now=sql.now())
    except REFUSALS as error:
        messages.error(request, in_words(error))
        return HttpResponseRedirect(job_url(job.pk))
    context = {
        **site_context,
        "title": f"{name.capitalize()} {job.name}?",
        "opts": Job._meta,
        "job": job,
        "name": name,
        "verb": name.capitalize(),
        "impact": found,
        "chosen": "none",
        "choices": choices_of(request, job, found),
    }
    return TemplateResponse(request, "jobs/jobs/switch.html", context)


def fragment(request: HttpRequest, job: Job, name: str) -> HttpResponse:
    """Only the sentences, for a dialog that asks already."""
    try:
        found: Impact | None = impact.assess(impact.propose_action(job, name, now=sql.now()), now=sql.now())
        problems: list[str] = []
    except REFUSALS as error:
        found, problems = None, [in_words(error)]
    return TemplateResponse(request, "jobs/jobs/impact.html", {"impact": found, "problems": problems})


def choices_of(request: HttpRequest, job: Job, found: Impact) -> list[tuple[str, str, int]]:
    if found.missed is None or not access.may(request.user, Scope.SCHEDULER_RUN, job.tenant_id):
        return []
    return [(choice, WORDS[choice], count) for choice, count in found.missed.choices.items()]


def chosen(request: HttpRequest, job: Job) -> str:
    """What was posted as `missed`. Raises InvalidJob for whoever may not run the job."""
    missed = request.POST.get("missed", "none")
    if missed != "none" and not access.may(request.user, Scope.SCHEDULER_RUN, job.tenant_id):
        raise InvalidJob({"missed": ["Your role does not allow you to run jobs: what was missed cannot be run."]})
    return missed


def _switch(request: HttpRequest, job: Job, name: str) -> HttpResponse:
    note = request.POST.get("note", "").strip()[:MOST_NOTE]
    try:
        missed = chosen(request, job)
        SWITCHES[name](job.pk, actor=Caller.of(request).actor, note=note, missed=missed)
    except (*REFUSALS, BackfillIsRunning) as error:
        messages.error(request, in_words(error))
    else:
        messages.success(request, f"{OPERATIONS[name].done} {job.name}.")
    return HttpResponseRedirect(job_url(job.pk))
