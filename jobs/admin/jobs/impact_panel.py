"""The panel of the job form that says what saving would do, from all that was entered so far."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from jobs import impact
from jobs.admin.editor import parameters
from jobs.admin.editor.form import JobForm
from jobs.admin.jobs.operations import REFUSALS
from jobs.admin.jobs.switch_page import choices_of
from jobs.admin.jobs.versions import Change, changes_of, find_templates
from jobs.definition import Definition
from jobs.models import Job, JobRevision
from scheduler_project.lib import sql


def respond(
    request: HttpRequest, job: Job, form: JobForm, section: parameters.Section, *, may_run_sub_minute: bool
) -> HttpResponse:
    """What cannot be saved yet is told at its field when it is saved; here the panel only waits."""
    context: dict[str, Any] = {"impact": None, "problems": []}
    fits = form.is_valid() and (section.form is None or not section.form.is_bound or section.form.is_valid())
    if fits:
        now = sql.now()
        data = form.to_data(section.template, section.parameters())
        try:
            proposal = impact.propose_change(job, data, now=now, may_run_sub_minute=may_run_sub_minute)
            context["changes"], context["is_known"] = _changes(proposal), True
            context["impact"] = found = impact.assess(proposal, now=now)
            context["choices"] = choices_of(request, job, found)
            context["chosen"] = request.POST.get("missed", "none")
        except REFUSALS:
            fits = False
    if not fits:
        context["problems"] = ["Not known while something in the form is to be put right."]
    return TemplateResponse(request, "jobs/jobs/impact_choices.html", context)


def _changes(proposal: impact.Proposal) -> list[Change]:
    """What differs from what is stored, as the next revision will tell it."""
    old, new = (JobRevision(definition=_definition(job)) for job in (proposal.before, proposal.after))
    return changes_of(old, new, find_templates([old, new]))


def _definition(job: Job) -> dict[str, Any]:
    found = Definition.of(job).to_json()
    found["policies"] = {name: _whole(value) for name, value in found["policies"].items()}
    return {**found, "owner": job.owner.get_username() if job.owner else None}


def _whole(value: Any) -> Any:
    """1.0 and 1 are the same number of seconds."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
