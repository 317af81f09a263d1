"""Asks before a revision is restored: what comes back, and what that does to the runs of the next days."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from jobs import impact, restoring
from jobs.admin.jobs.columns import job_url
from jobs.admin.jobs.operations import REFUSALS, Caller, in_words
from jobs.admin.jobs.switch_page import choices_of, chosen
from jobs.admin.jobs.versions import changes_of, find_templates
from jobs.backfill import BackfillIsRunning
from jobs.impact import Impact
from jobs.models import Job, JobRevision
from scheduler_project.lib import sql
from scheduler_project.lib.input import number_of

RUN_SUB_MINUTE = "jobs.run_sub_minute"


def respond(request: HttpRequest, site_context: dict[str, Any], job: Job, number: int) -> HttpResponse:
    """The question, or with POST the deed. Whoever may change the job has been let in."""
    revision = JobRevision.objects.filter(job_id=job.pk, number=number).first()
    if revision is None:
        raise Http404(f"{job.name} has no revision {number}.")
    if request.method == "POST":
        return _restore(request, job, revision)
    newest = JobRevision.objects.filter(job_id=job.pk).order_by("-number")[:1].get()
    found, problems = _assess(request, job, revision)
    context = {
        **site_context,
        "title": f"Restore revision {number}?",
        "opts": Job._meta,
        "job": job,
        "revision": revision,
        "new_title": f"As in {number}",
        "changes": changes_of(newest, revision, find_templates([newest, revision])),
        "impact": found,
        "problems": problems,
        "chosen": "none",
        "choices": choices_of(request, job, found) if found else [],
    }
    return TemplateResponse(request, "jobs/jobs/restore.html", context)


def _assess(request: HttpRequest, job: Job, revision: JobRevision) -> tuple[Impact | None, list[str]]:
    now = sql.now()
    may = request.user.has_perm(RUN_SUB_MINUTE)
    try:
        data = restoring.definition_of(revision, job)
        proposal = impact.propose_change(job, data, now=now, may_run_sub_minute=may, replaces=True)
        return impact.assess(proposal, now=now), []
    except REFUSALS as error:
        return None, [in_words(error)]


def _restore(request: HttpRequest, job: Job, revision: JobRevision) -> HttpResponse:
    try:
        changed = restoring.restore(
            job,
            revision,
            actor=Caller.of(request).actor,
            note=request.POST.get("note", "").strip()[:400],
            missed=chosen(request, job),
            expected_revision=number_of(request.POST.get("expected_revision", "")),
            may_run_sub_minute=request.user.has_perm(RUN_SUB_MINUTE),
        )
    except (*REFUSALS, BackfillIsRunning) as error:
        messages.error(request, f"Nothing was restored. {in_words(error)}")
    else:
        told = f"{changed.name} is as it was in revision {revision.number}; that is revision {changed.revision} now."
        messages.success(request, told)
    return HttpResponseRedirect(f"{job_url(job.pk)}?tab=versions")
