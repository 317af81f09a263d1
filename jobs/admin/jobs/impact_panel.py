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
from jobs.models import Job
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
            context["impact"] = found = impact.assess(proposal, now=now)
            context["choices"] = choices_of(request, job, found)
            context["chosen"] = request.POST.get("missed", "none")
        except REFUSALS:
            fits = False
    if not fits:
        context["problems"] = ["Not known while something in the form is to be put right."]
    return TemplateResponse(request, "jobs/jobs/impact_choices.html", context)
