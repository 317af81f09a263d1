"""What the admins of backfills and of replays share: each lets many runs go little by little, and can be cancelled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs.admin.jobs.operations import Caller
from jobs.models import Execution
from scheduler_project.lib import markup

SHOWN = 100


class ManyRunsAdmin(TenantAdmin[Any]):
    list_display_links = None
    list_filter = ("status",)
    list_per_page = 50
    sortable_by = ()
    ordering = ("-id",)
    actions = None
    list_title: ClassVar[str]
    page_template: ClassVar[str]
    live_template: ClassVar[str]
    has_ended: ClassVar[type[Exception]]
    """What `cancel` raises when nothing is left to cancel."""

    # --- to be said by each ---

    def cancel(self, row_id: int, *, actor: str) -> None:
        raise NotImplementedError

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        raise NotImplementedError

    # --- the list ---

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": self.list_title, **(extra_context or {})})

    @admin.display(description="No.")
    def number(self, row: Any) -> SafeString:
        return format_html('<a class="row-link" href="{}">{}</a>', self.url_of(row.pk), row.pk)

    @admin.display(description="Asked for by")
    def asked_by(self, row: Any) -> str:
        name: str = row.requested_by
        return name

    @admin.display(description="Started")
    def started(self, row: Any) -> str | SafeString:
        return markup.moment(row.created_at, now=timezone.now())

    # --- the page ---

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"jobs_{self.opts.model_name}"
        return [
            path("<int:row_id>/live/", view(self.live_view), name=f"{name}_live"),
            path("<int:row_id>/cancel/", view(self.cancel_view), name=f"{name}_cancel"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        about = {"title": str(row), "opts": self.opts}
        context = {**self.admin_site.each_context(request), **self.facts(request, row), **about}
        return TemplateResponse(request, self.page_template, context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(self.url_of(self.get_object(request, object_id).pk))

    def live_view(self, request: HttpRequest, row_id: int) -> HttpResponse:
        row = self.get_object(request, str(row_id))
        return TemplateResponse(request, self.live_template, self.facts(request, row))

    def cancel_view(self, request: HttpRequest, row_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self.get_object(request, str(row_id))
        require_run(request, row.tenant_id, "cancel it")
        try:
            self.cancel(row.pk, actor=Caller.of(request).actor)
        except self.has_ended as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "Cancelled. What runs goes on to its end.")
        return HttpResponseRedirect(self.url_of(row.pk))

    def url_of(self, row_id: int) -> str:
        return reverse(f"admin:jobs_{self.opts.model_name}_change", args=[row_id])


def progress_facts(request: HttpRequest, row: Any, progress: Any, runs: Iterable[Any], *, is_running: bool) -> Any:
    """How far it is, and the first of its runs with their executions."""
    listed = list(runs)
    executions = Execution.objects.defer("parameters", "policy", "result")
    found = executions.in_bulk([run.execution_id for run in listed if run.execution_id is not None])
    return {
        "progress": progress,
        "ended": progress.succeeded + progress.failed + progress.cancelled,
        "runs": [(run, found.get(run.execution_id or 0)) for run in listed],
        "is_running": is_running,
        "is_active": is_running or progress.queued + progress.running > 0,
        "may_cancel": is_running and access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id),
        "now": timezone.now(),
    }


def require_run(request: HttpRequest, tenant_id: int, verb: str) -> None:
    if not access.may(request.user, Scope.SCHEDULER_RUN, tenant_id):
        raise PermissionDenied(f"Your role does not allow you to {verb}.")
