"""Pipelines in the admin: their list, the page of each, and what a run from one of its jobs leads to."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs import dependencies
from jobs.admin.pipelines import list_page, page, run_page
from jobs.dependencies import Pipeline
from jobs.models import Dependency, Job


@admin.register(Dependency)
class PipelineAdmin(TenantAdmin[Dependency]):
    """Its list is that of the pipelines; single dependencies are changed at their jobs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="jobs_pipelines"),
            path("<int:job_id>/", view(self.page_view), name="jobs_pipeline"),
            path("<int:job_id>/nodes/", view(self.nodes_view), name="jobs_pipeline_nodes"),
            path("<int:job_id>/run/", view(self.run_view), name="jobs_pipeline_run"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role does not allow you to see jobs.")
        return list_page.respond(request, self.admin_site.each_context(request), self.edges(request))

    def page_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        return page.respond(request, self.admin_site.each_context(request), self._pipeline(request, job_id))

    def nodes_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        return page.nodes(request, self._pipeline(request, job_id))

    def run_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        found = self._pipeline(request, job_id)
        job = found.job(job_id)
        assert job is not None
        if not access.may(request.user, Scope.SCHEDULER_RUN, job.tenant_id):
            raise PermissionDenied("Your role does not allow you to run this job.")
        return run_page.respond(request, self.admin_site.each_context(request), found, job)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        edge: Dependency = self.get_object(request, object_id)
        return HttpResponseRedirect(reverse("admin:jobs_job_dependencies", args=[edge.downstream_id]))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return self.change_view(request, object_id)

    def edges(self, request: HttpRequest) -> QuerySet[Dependency]:
        found: QuerySet[Dependency] = access.visible(dependencies.edges(), request.user)
        return found

    def _pipeline(self, request: HttpRequest, job_id: int) -> Pipeline:
        """The one that the job is part of. Another tenant's is forbidden, as its job is."""
        job = Job.objects.filter(pk=job_id).only("id", "tenant_id", "name").first()
        if job is not None and not access.may(request.user, Scope.SCHEDULER_READ, job.tenant_id):
            raise PermissionDenied("This job belongs to a tenant that you are no member of.")
        found = dependencies.find_pipeline(self.edges(request).filter(tenant=job.tenant_id), job.pk) if job else None
        if found is None:
            raise Http404(f"{job.name} follows no job, and none follows it." if job else f"There is no job {job_id}.")
        return found
