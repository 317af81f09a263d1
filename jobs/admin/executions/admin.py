"""Executions in the admin: a list that is never counted, and the page of each one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path

from accounts import access
from accounts.scopes import Scope
from jobs import executions, registry, sealed, submission
from jobs.admin import why
from jobs.admin.executions import log, report
from jobs.admin.executions import page as execution_page
from jobs.admin.executions.approvals import Approvals
from jobs.admin.executions.filters import (
    FingerprintFilter,
    PriorityFilter,
    QueueFilter,
    StatusFilter,
    TagFilter,
    TemplateFilter,
    TriggerFilter,
    WorkerFilter,
    found_by,
)
from jobs.admin.executions.list import ExecutionList
from jobs.admin.executions.many import ExecutionActions
from jobs.admin.executions.reruns import Reruns
from jobs.admin.executions.retries import Retries
from jobs.admin.executions.time_range import RangeFilter
from jobs.admin.history_list import HistoryAdmin, JobFilter
from jobs.admin.jobs.columns import execution_url
from jobs.admin.jobs.operations import REFUSALS, Caller, in_words
from jobs.explain import explain_execution
from jobs.models import Execution
from jobs.rules.states import ExecutionStatus
from jobs.tick import publisher
from scheduler_project.lib import sql


@admin.register(Execution)
class ExecutionAdmin(Approvals, ExecutionActions, ExecutionList, Reruns, Retries, HistoryAdmin):
    list_display = ("id",)
    list_filter = (
        *(
            StatusFilter,
            RangeFilter,
            TriggerFilter,
            TemplateFilter,
            TagFilter,
            QueueFilter,
            WorkerFilter,
            PriorityFilter,
        ),
        *(JobFilter, FingerprintFilter),
    )
    search_fields = ("id",)  # what is looked for is up to `get_search_results`
    actions = None

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("template").defer("parameters", "policy", "result")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return (found_by(search_term, queryset, request.user) if search_term.strip() else queryset), False

    # --- pages ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            *self.list_urls(),
            *self.many_urls(),
            path("<int:execution_id>/live/", view(self.live_view), name="jobs_execution_live"),
            path("<int:execution_id>/log/", view(self.log_view), name="jobs_execution_log"),
            path("<int:execution_id>/log/search/", view(self.log_search_view), name="jobs_execution_log_search"),
            path("<int:execution_id>/log/raw/", view(self.log_raw_view), name="jobs_execution_log_raw"),
            path("<int:execution_id>/status/", view(self.status_view), name="jobs_execution_status"),
            path("<int:execution_id>/report/", view(self.report_view), name="jobs_execution_report"),
            path("<int:execution_id>/why/", view(self.why_view), name="jobs_execution_why"),
            path("<int:execution_id>/cancel/", view(self.cancel_view), name="jobs_execution_cancel"),
            path("<int:execution_id>/again/", view(self.again_view), name="jobs_execution_again"),
            *self.approval_urls(),
            *self.rerun_urls(),
            *self.retry_urls(),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self._get(request, object_id)
        return execution_page.respond(request, self.admin_site.each_context(request), row)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(execution_url(self._get(request, object_id).pk))

    def live_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        return execution_page.live_fragment(request, self._get(request, execution_id))

    def log_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        return log.fragment(request, self._get(request, execution_id))

    def log_search_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        return log.search(request, self._get(request, execution_id))

    def log_raw_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        return log.raw(request, self._get(request, execution_id))

    def status_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        return execution_page.status(self._get(request, execution_id))

    def report_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        return report.respond(request, self._get(request, execution_id))

    def why_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        explanation = explain_execution(self._get(request, execution_id), now=sql.now())
        return why.respond(request, self.admin_site.each_context(request), explanation, Execution)

    # --- buttons ---

    def cancel_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self._allowed(request, execution_id, "cancel it")
        try:
            status = executions.cancel(row.pk, by=Caller.of(request).actor, now=sql.now())
        except executions.AlreadyFinished as error:
            messages.error(request, str(error))
        else:
            is_over = status == ExecutionStatus.CANCELLED
            messages.success(
                request, "Cancelled." if is_over else "Asked the worker to stop; it answers within seconds."
            )
        return HttpResponseRedirect(execution_url(row.pk))

    def again_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        """A new run with the parameters of this one."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self._allowed(request, execution_id, "run it again")
        job = execution_page.find_job(row)
        if job is None:
            return self._task_again(request, row)
        caller = Caller.of(request)
        same_template = row.template_id == job.template_id
        try:
            new_id = registry.run_now(
                job,
                actor=caller.actor,
                parameters=sealed.parameters_of(row) if same_template and row.parameters != job.parameters else None,
                dry_run=row.dry_run,
                request_id=caller.request_id,
            )
        except REFUSALS as error:
            messages.error(request, in_words(error))
            return HttpResponseRedirect(execution_url(row.pk))
        publisher.announce_soon([new_id])
        messages.success(request, f"Queued another run of {job.name}.")
        return HttpResponseRedirect(execution_url(new_id))

    def _task_again(self, request: HttpRequest, row: Execution) -> HttpResponse:
        if not access.may(request.user, Scope.TASK_CREATE, row.tenant_id):
            raise PermissionDenied("Your role does not allow you to run a template without a job.")
        caller = Caller.of(request)
        try:
            new_id = submission.again(row, actor=caller.actor, request_id=caller.request_id)
        except REFUSALS as error:
            messages.error(request, in_words(error))
            return HttpResponseRedirect(execution_url(row.pk))
        publisher.announce_soon([new_id])
        messages.success(request, f"Queued another run of {row.template.title or row.template.name}.")
        return HttpResponseRedirect(execution_url(new_id))

    def _get(self, request: HttpRequest, object_id: Any) -> Execution:
        row: Execution = self.get_object(request, str(object_id))
        return row

    def _allowed(self, request: HttpRequest, execution_id: int, verb: str) -> Execution:
        row = self._get(request, execution_id)
        if not access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id):
            raise PermissionDenied(f"Your role does not allow you to {verb}.")
        return row
