"""Asks before a job is run now: where the key `r` and the search lead. The run itself is the button of the job."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import access
from accounts.scopes import Scope
from jobs.admin.charts import sparkline
from jobs.models import Job


def respond(site: AdminSite, request: HttpRequest, job_id: int) -> HttpResponse:
    job = site._registry[Job].get_object(request, str(job_id))
    assert isinstance(job, Job)  # its admin raises where there is none
    if not access.may(request.user, Scope.SCHEDULER_RUN, job.tenant_id):
        raise PermissionDenied(f"Running jobs takes the permission {Scope.SCHEDULER_RUN} in {job.tenant.name}.")
    history = sparkline.find([job.pk])[job.pk]
    context = {
        **site.each_context(request),
        "title": f"Run {job.name} now?",
        "job": job,
        "picture": sparkline.draw(history),
        "last": history.runs[-1] if history.runs else None,
        "can_run": job.archived_at is None,
    }
    return TemplateResponse(request, "console/run.html", context)
