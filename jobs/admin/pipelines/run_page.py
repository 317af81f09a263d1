"""Asks before a job of a pipeline is run: what follows from it, and what does not since something else is missing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from jobs import dependencies
from jobs.dependencies import Pipeline
from jobs.models import Dependency, Job


def respond(request: HttpRequest, site_context: dict[str, Any], pipeline: Pipeline, job: Job) -> HttpResponse:
    found = dependencies.following(pipeline, job.pk)
    context = {
        **site_context,
        "title": f"Run from {job.name}?",
        "opts": Dependency._meta,
        "pipeline": pipeline,
        "job": job,
        "following": [one for one in found if not one.missing],
        "stranded": [one for one in found if one.missing],
    }
    return TemplateResponse(request, "jobs/pipelines/run_from.html", context)
