"""The form that changes one dependency: which end counts, what is handed on, how long is waited."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from jobs import dependencies
from jobs.admin.jobs.dependencies import UpstreamForm
from jobs.admin.jobs.operations import REFUSALS, Caller, in_words
from jobs.dependencies import DependencyIsGone, InvalidDependency
from jobs.models import Dependency, Job
from jobs.rules.states import DependencyKind


class DependencyForm(UpstreamForm):
    """The kind and the jobs of a dependency stay; those are another dependency."""

    def __init__(self, edge: Dependency, *args: Any, **options: Any) -> None:
        lines = [f"{name} = {place}" for name, place in edge.parameters.items()]
        initial = {"condition": edge.condition, "parameters": "\n".join(lines), "patience": edge.gate_patience_seconds}
        super().__init__(edge.downstream, *args, initial=initial, **options)
        self.edge = edge
        is_gate = edge.kind == DependencyKind.GATE
        for name in ("upstream", "kind", "parameters" if is_gate else "patience"):
            del self.fields[name]

    def wishes(self) -> dict[str, Any]:
        """As `jobs.dependencies.change` takes them."""
        wishes = {name: value for name, value in self.cleaned_data.items() if name in ("condition", "parameters")}
        if "patience" in self.fields:
            wishes["gate_patience_seconds"] = self.cleaned_data["patience"]
        return wishes


def respond(request: HttpRequest, site_context: dict[str, Any], job: Job, dependency_id: int) -> HttpResponse:
    edge = dependencies.edges().filter(pk=dependency_id, downstream=job).first()
    if edge is None:
        raise Http404(f"{job.name} has no dependency {dependency_id}.")
    if job.archived_at is not None or not access.may(request.user, Scope.SCHEDULER_WRITE, job.tenant_id):
        raise PermissionDenied("Your role does not allow you to change this job.")
    form = DependencyForm(edge, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _change(request, form):
        return HttpResponseRedirect(reverse("admin:jobs_job_dependencies", args=[job.pk]))
    context = {
        **site_context,
        "title": f"After {edge.upstream.name}",
        "opts": Job._meta,
        "job": job,
        "edge": edge,
        "form": form,
    }
    return TemplateResponse(request, "jobs/jobs/dependency_page.html", context)


def _change(request: HttpRequest, form: DependencyForm) -> bool:
    try:
        dependencies.change(form.edge.pk, form.wishes(), actor=Caller.of(request).actor)
    except InvalidDependency as error:
        form.refuse(error.fields)
        return False
    except (*REFUSALS, DependencyIsGone) as error:
        form.add_error(None, in_words(error))
        return False
    messages.success(request, f"Saved how {form.edge.downstream.name} follows {form.edge.upstream.name}.")
    return True
