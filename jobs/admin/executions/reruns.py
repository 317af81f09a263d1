"""Edit and rerun: the parameters that a run had, in the form of its template, to run once more with others."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts import access
from accounts.scopes import Scope
from jobs import dead_letters, reruns
from jobs.admin.editor import parameters
from jobs.admin.executions import lineage
from jobs.admin.executions import page as execution_page
from jobs.admin.jobs.columns import execution_url
from jobs.admin.jobs.operations import REFUSALS, Caller, in_words
from jobs.definition import InvalidJob
from jobs.models import Execution
from jobs.tick import publisher

REFUSED = (*REFUSALS, dead_letters.CannotReplay, dead_letters.LetterIsNotOpen)


class Reruns:
    """Mixed into the admin of executions."""

    admin_site: Any
    get_object: Any

    def rerun_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [path("<int:execution_id>/edit/", view(self.edit_view), name="jobs_execution_edit")]

    def edit_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        row: Execution = self.get_object(request, str(execution_id))
        if not access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id):
            raise PermissionDenied("Your role does not allow you to run it again.")
        job = execution_page.find_job(row)
        if why := reruns.why_not(row, job):
            messages.error(request, why)
            return HttpResponseRedirect(execution_url(row.pk))
        data = request.POST if request.method == "POST" else None
        section = parameters.of_run(row.template, row.parameters, data)
        changes = None
        if data is not None and section.form is not None and section.form.is_valid():
            changes = lineage.changed_by(row, section.parameters())
            if "review" not in data:
                try:
                    return self._rerun(request, row, section.parameters())
                except InvalidJob as error:
                    section.form.apply_errors(error.fields)
                except REFUSED as error:
                    messages.error(request, in_words(error))
                    return HttpResponseRedirect(execution_url(row.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Edit and rerun execution {row.pk}",
            "opts": Execution._meta,
            "execution": row,
            "job": job,
            "section": section,
            "has_errors": data is not None and bool(section.form and section.form.errors),
            "changes": changes,
            "beside": lineage.beside(row),
        }
        name = "edit_changes" if "HX-Request" in request.headers else "edit"
        return TemplateResponse(request, f"jobs/executions/{name}.html", context)

    def _rerun(self, request: HttpRequest, row: Execution, changed: dict[str, Any]) -> HttpResponse:
        caller = Caller.of(request)
        new_id = reruns.rerun(row, actor=caller.actor, request_id=caller.request_id, parameters=changed)
        publisher.announce_soon([new_id])
        messages.success(request, f"Queued. It repeats execution {row.pk} with these parameters.")
        return HttpResponseRedirect(execution_url(new_id))
