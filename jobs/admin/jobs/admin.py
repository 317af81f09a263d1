"""Jobs in the admin: the list, the page, the form and the buttons. Everything is written by `jobs.registry`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs import cloning
from jobs.admin import why
from jobs.admin.editor.fields import in_utc
from jobs.admin.editor.form_context import FormContext
from jobs.admin.editor.page import JobEditor
from jobs.admin.jobs import dependencies, dependency_page, restore_page, switch_page, transfers
from jobs.admin.jobs import page as job_page
from jobs.admin.jobs.actions import JobActions
from jobs.admin.jobs.columns import job_url
from jobs.admin.jobs.filters import (
    OriginFilter,
    OutcomeFilter,
    QueueFilter,
    StateFilter,
    TagFilter,
    TemplateFilter,
    TenantFilter,
)
from jobs.admin.jobs.list import JobList
from jobs.admin.jobs.operations import OPERATIONS, REFUSALS, Caller, Wishes, in_words
from jobs.admin.wizard import urls as wizard
from jobs.admin.wizard.page import Wizard
from jobs.explain import explain_job
from jobs.models import Job
from scheduler_project.lib import sql

MOST_NOTE = 500


@admin.register(Job)
class JobAdmin(JobActions, JobList, TenantAdmin[Job]):
    actions = None
    list_display = ("name",)
    show_full_result_count = False
    list_filter = (StateFilter, OutcomeFilter, TemplateFilter, TagFilter, QueueFilter, OriginFilter, TenantFilter)
    list_select_related = ("template", "tenant")
    list_per_page = 50
    search_fields = ("name", "slug", "template__name", "template__title", "tags")
    show_facets = admin.ShowFacets.ALWAYS
    ordering = ("name",)

    # --- who may ---

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.may_anywhere(request.user, Scope.SCHEDULER_WRITE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return access.may_anywhere(request.user, Scope.SCHEDULER_WRITE)
        return obj.archived_at is None and access.may(request.user, Scope.SCHEDULER_WRITE, obj.tenant_id)

    # --- the pages ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            *self.list_urls(),
            *self.many_urls(),
            path("import/", view(self.import_view), name="jobs_job_import"),
            path("<int:job_id>/clone/", view(self.clone_view), name="jobs_job_clone"),
            *wizard.patterns(view, self._wizard),
            path("form/parameters/", view(self.parameters_view), name="jobs_job_parameters"),
            path("form/schedule/", view(self.schedule_view), name="jobs_job_schedule"),
            path("form/impact/", view(self.form_impact_view), name="jobs_job_form_impact"),
            path("<int:job_id>/", view(self.page_view), name="jobs_job_page"),
            path("<int:job_id>/archive/", view(self.archive_view), name="jobs_job_archive"),
            path("<int:job_id>/why/", view(self.why_view), name="jobs_job_why"),
            path("<int:job_id>/dependencies/", view(self.dependencies_view), name="jobs_job_dependencies"),
            path("<int:job_id>/dependencies/fan-in/", view(self.fan_in_view), name="jobs_job_fan_in"),
            path(
                "<int:job_id>/dependencies/<int:dependency_id>/",
                view(self.dependency_view),
                name="jobs_job_dependency",
            ),
            path(
                "<int:job_id>/dependencies/<int:dependency_id>/remove/",
                view(self.dependency_remove_view),
                name="jobs_job_dependency_remove",
            ),
            path("<int:job_id>/restore/<int:number>/", view(self.restore_view), name="jobs_job_restore"),
            path("<int:job_id>/switch/<slug:name>/", view(self.switch_view), name="jobs_job_switch"),
            path("<int:job_id>/impact/<slug:name>/", view(self.impact_view), name="jobs_job_impact"),
            path("<int:job_id>/do/<slug:name>/", view(self.do_view), name="jobs_job_do"),
            *super().get_urls(),
        ]

    def page_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        return job_page.respond(request, self._context(request), self._get(request, job_id))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return self._wizard(request).begin()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        job = self._get(request, object_id)
        if job.archived_at is not None:
            messages.warning(request, f"{job.name} is archived and does not change any more.")
            return HttpResponseRedirect(job_url(job.pk))
        self._require(self.has_change_permission(request, job), "change this job")
        return JobEditor(request, self._context(request), job).respond()

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(f"{job_url(self._get(request, object_id).pk)}?tab=versions")

    def parameters_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return self._editor_of_fragment(request).parameters_fragment()

    def schedule_view(self, request: HttpRequest) -> HttpResponse:
        if "job" in request.GET:
            return self._editor_of_fragment(request).schedule_fragment()
        self._require(self.has_add_permission(request), "create jobs")
        return FormContext(request, None).schedule_fragment()

    def form_impact_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return self._editor_of_fragment(request).impact_fragment()

    def why_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        explanation = explain_job(self._get(request, job_id), now=sql.now())
        return why.respond(request, self._context(request), explanation, Job)

    def dependencies_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        return dependencies.respond(request, self._context(request), self._get(request, job_id))

    def dependency_view(self, request: HttpRequest, job_id: int, dependency_id: int) -> HttpResponse:
        return dependency_page.respond(request, self._context(request), self._get(request, job_id), dependency_id)

    def dependency_remove_view(self, request: HttpRequest, job_id: int, dependency_id: int) -> HttpResponse:
        return dependencies.remove(request, self._get(request, job_id), dependency_id)

    def fan_in_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        return dependencies.set_fan_in(request, self._get(request, job_id))

    def switch_view(self, request: HttpRequest, job_id: int, name: str) -> HttpResponse:
        job = self._get(request, job_id)
        self._require(self.has_change_permission(request, job), f"{name} this job")
        return switch_page.respond(request, self._context(request), job, name)

    def restore_view(self, request: HttpRequest, job_id: int, number: int) -> HttpResponse:
        job = self._get(request, job_id)
        self._require(self.has_change_permission(request, job), "change this job")
        return restore_page.respond(request, self._context(request), job, number)

    def impact_view(self, request: HttpRequest, job_id: int, name: str) -> HttpResponse:
        return switch_page.fragment(request, self._get(request, job_id), name)

    def _wizard(self, request: HttpRequest) -> Wizard:
        self._require(self.has_add_permission(request), "create jobs")
        return Wizard(request, self._context(request))

    def _editor_of_fragment(self, request: HttpRequest) -> JobEditor:
        job = self._get(request, request.GET.get("job", ""))
        self._require(self.has_change_permission(request, job), "change this job")
        return JobEditor(request, {}, job)

    # --- the buttons ---

    def do_view(self, request: HttpRequest, job_id: int, name: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job = self._get(request, job_id)
        operation = OPERATIONS.get(name)
        if operation is None:
            raise Http404(f"There is no operation {name}.")
        self._require(access.may(request.user, operation.scope, job.tenant_id), f"{name} this job")
        try:
            note = request.POST.get("note", "").strip()[:MOST_NOTE]
            wishes = Wishes(note, in_utc(request.POST.get("until", "")))
            execution_id = operation.apply(job, Caller.of(request), wishes)
        except ValidationError as error:
            messages.error(request, f"Nothing was done. {' '.join(error.messages)}")
            return HttpResponseRedirect(job_url(job.pk))
        except REFUSALS as error:
            messages.error(request, in_words(error))
            return HttpResponseRedirect(job_url(job.pk))
        messages.success(request, f"{operation.done} {job.name}.")
        if execution_id is not None:
            return HttpResponseRedirect(reverse("admin:jobs_execution_change", args=[execution_id]))
        return HttpResponseRedirect(job_url(job.pk))

    def clone_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """A copy that waits, not enabled, on its form."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job = self._get(request, job_id)
        self._require(access.may(request.user, Scope.SCHEDULER_WRITE, job.tenant_id), "clone this job")
        try:
            made = cloning.clone(job, actor=Caller.of(request).actor, owner_id=request.user.pk)
        except REFUSALS as error:
            messages.error(request, in_words(error))
            return HttpResponseRedirect(job_url(job.pk))
        messages.success(
            request, f"Cloned {job.name}. The copy is not enabled; its dependencies and hooks stayed with the other."
        )
        return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[made.pk]))

    def import_view(self, request: HttpRequest) -> HttpResponse:
        self._require(self.has_add_permission(request), "import jobs")
        return transfers.respond(request, self._context(request))

    def archive_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Asks before it is done: archiving is for good."""
        job = self._get(request, job_id)
        self._require(self.has_change_permission(request, job), "archive this job")
        context = {**self._context(request), "title": f"Archive {job.name}?", "opts": Job._meta, "job": job}
        return TemplateResponse(request, "jobs/jobs/archive.html", context)

    # --- small things ---

    def _get(self, request: HttpRequest, object_id: Any) -> Job:
        return self.get_object(request, str(object_id))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("template", "tenant", "owner")

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = self.admin_site.each_context(request)
        return context

    def _require(self, is_allowed: bool, verb: str) -> None:
        if not is_allowed:
            raise PermissionDenied(f"Your role does not allow you to {verb}.")
