"""Asks before a queue is paused, and resumes one. It concerns all tenants, so only superusers do."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from jobs import workers
from jobs.admin.jobs.operations import Caller
from jobs.models import Worker


def respond(request: HttpRequest, site_context: dict[str, Any]) -> HttpResponse:
    """The question, or with POST the deed."""
    _require_superuser(request)
    asked = request.POST.get("queue", "") or request.GET.get("queue", "")
    queue = next((one for one in workers.list_queues() if one.queue == asked), None)
    if queue is None:
        raise Http404("There is no such queue: no worker, job or run names it.")
    note, problems = request.POST.get("note", ""), []
    if request.method == "POST":
        try:
            workers.pause(queue.queue, actor=Caller.of(request).actor, note=note)
        except workers.InvalidPause as error:
            problems = [text for texts in error.fields.values() for text in texts]
        except (workers.QueueIsPaused, workers.UnknownQueue) as error:
            messages.error(request, str(error))
            return _back()
        else:
            messages.success(request, f"The queue {queue.queue} is paused. What runs goes on.")
            return _back()
    context = {**site_context, "title": f"Pause the queue {queue.queue}?", "opts": Worker._meta, "queue": queue}
    return TemplateResponse(request, "jobs/workers/pause.html", {**context, "note": note, "problems": problems})


def resume(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    _require_superuser(request)
    queue = request.POST.get("queue", "")
    try:
        waiting = workers.resume(queue, actor=Caller.of(request).actor)
    except workers.QueueIsNotPaused as error:
        messages.error(request, str(error))
    else:
        again = f" {waiting} waiting run{'' if waiting == 1 else 's'} announced again." if waiting else ""
        messages.success(request, f"Workers take from the queue {queue} again.{again}")
    return _back()


def _require_superuser(request: HttpRequest) -> None:
    if not access.is_superuser(request.user):
        raise PermissionDenied("A queue serves every tenant, so only superusers pause and resume one.")


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:jobs_worker_changelist"))
