"""The job that a draft becomes, and the end of the draft, in one transaction."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from jobs import drafts, registry
from jobs.admin.jobs import operations
from jobs.admin.jobs.columns import job_url
from jobs.admin.jobs.operations import Caller, in_words
from jobs.admin.wizard import draft_form
from jobs.admin.wizard.additions import NotMade
from jobs.models import Job, JobDraft
from jobs.tick import publisher
from scheduler_project.lib import transactions
from scheduler_project.lib.input import InvalidInput

REFUSALS = (*operations.REFUSALS, NotMade)
PAUSED, RUN_TOO = "_paused", "_run"

__all__ = ["PAUSED", "REFUSALS", "RUN_TOO", "create"]


def create(request: HttpRequest, draft: JobDraft, *, now: datetime) -> HttpResponse:
    """Of what is stored, not of what the page showed. Raises `InvalidJob`, `DraftIsGone` and the other refusals."""
    caller = Caller.of(request)
    with transactions.engine():
        draft = drafts.locked(draft.pk)
        judged = draft_form.judge(draft, request, now=now)
        job = registry.create(
            judged.data,
            tenant=draft.tenant,
            actor=caller.actor,
            owner_id=request.user.pk,
            may_run_sub_minute=request.user.has_perm("jobs.run_sub_minute"),
        )
        for one in judged.added:
            if one.form.errors:
                raise InvalidInput(
                    {
                        one.form.add_prefix(name): [str(text) for text in texts]
                        for name, texts in one.form.errors.items()
                    }
                )
            one.addition.make(request, job, one.form)
        if PAUSED in request.POST:
            registry.pause(job.pk, actor=caller.actor, note="Created paused.")
        drafts.discard(draft)
    messages.success(request, f"Created {job.name}{', paused' if PAUSED in request.POST else ''}.")
    if RUN_TOO in request.POST and access.may(request.user, Scope.SCHEDULER_RUN, job.tenant_id):
        return _run(request, job, caller)
    return HttpResponseRedirect(job_url(job.pk))


def _run(request: HttpRequest, job: Job, caller: Caller) -> HttpResponse:
    """By now the job is there and the draft is not, so a refusal is told on the job's page."""
    stored = Job.objects.select_related("template").get(pk=job.pk)
    try:
        execution_id = registry.run_now(stored, actor=caller.actor, request_id=caller.request_id)
    except REFUSALS as error:
        messages.error(request, f"It did not run. {in_words(error)}")
        return HttpResponseRedirect(job_url(job.pk))
    publisher.announce_soon([execution_id])
    return HttpResponseRedirect(reverse("admin:jobs_execution_change", args=[execution_id]))
