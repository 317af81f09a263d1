"""The page that answers "Why?" for a job, a tick or an execution: the steps of its explanation, in their order."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from jobs.explain import Explanation, Section
from jobs.models import Job
from scheduler_project.lib import markup

# state -> (word, tone, shape)
STATES = {
    "passed": ("Passed", "good", "check"),
    "blocked": ("Blocked", "bad", "cross"),
    "not_reached": ("Not asked", "quiet", "dots"),
    "noted": ("Noted", "quiet", "flag"),
}


def state_chip(state: str) -> SafeString:
    word, tone, shape = STATES[state]
    return markup.chip(word, tone=tone, shape=shape)


def respond(
    request: HttpRequest, site_context: dict[str, Any], explanation: Explanation, model: type[Model]
) -> HttpResponse:
    job = Job.objects.filter(pk=explanation.job_id).first() if explanation.job_id else None
    sections = [Section("In the order in which it is decided", explanation.steps), *explanation.further]
    context = {
        **site_context,
        "title": f"Why? {explanation.title}",
        "opts": model._meta,
        "job": job,
        "explanation": explanation,
        "sections": sections,
    }
    return TemplateResponse(request, "jobs/why.html", context)
