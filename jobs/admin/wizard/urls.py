"""The addresses of the wizard, under that of the jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from jobs.admin.wizard.page import Wizard
from jobs.drafts import DraftIsGone

Make = Callable[[HttpRequest], Wizard]


def patterns(view: Callable[[Any], Any], make: Make) -> list[URLPattern]:
    """`make` refuses who may not create jobs."""

    def named(method: str) -> Any:
        def respond(request: HttpRequest, **parts: Any) -> HttpResponse:
            try:
                answer: HttpResponse = getattr(make(request), method)(**parts)
            except DraftIsGone as error:
                return _gone(request, error)
            return answer

        return view(respond)

    return [
        path("new/<uuid:token>/", named("resume"), name="jobs_job_draft"),
        path("new/<uuid:token>/save/", named("save"), name="jobs_job_draft_save"),
        path("new/<uuid:token>/fields/", named("switch_fields"), name="jobs_job_draft_fields"),
        path("new/<uuid:token>/discard/", named("discard"), name="jobs_job_draft_discard"),
        path("new/<uuid:token>/dry-run/", named("try_out"), name="jobs_job_draft_dry_run"),
        path("new/<uuid:token>/<slug:slug>/", named("step"), name="jobs_job_draft_step"),
    ]


def _gone(request: HttpRequest, error: DraftIsGone) -> HttpResponse:
    messages.warning(request, str(error))
    address = reverse("admin:jobs_job_changelist")
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)
