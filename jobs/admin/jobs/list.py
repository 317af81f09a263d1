"""The list of jobs: the page, and the rows of it that have changed."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts import access
from jobs.admin.jobs.columns import JobChangeList, headings, rows_of
from jobs.admin.lists import filter_bar
from jobs.admin.lists.change_list import find_changelist
from jobs.admin.lists.views import ViewsOfList
from jobs.admin.wizard.resuming import resumable
from jobs.models import Job
from scheduler_project.lib.input import number_of

MOST_ROWS = 200  # that one answer brings anew
LIST_NAME = "admin:jobs_job_changelist"


class JobList(ViewsOfList):
    """Mixed into the admin of jobs."""

    admin_site: Any
    get_changelist_instance: Any
    has_view_permission: Any
    has_add_permission: Any
    get_queryset: Any
    many_actions: Any

    def list_urls(self) -> list[URLPattern]:
        return [path("rows/", self.admin_site.admin_view(self.rows_view), name="jobs_job_rows"), *self.views_urls()]

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[JobChangeList]:
        return JobChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role does not allow you to see jobs.")
        opened = self.open_default(request)
        if opened is not None:
            return opened
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse(LIST_NAME))
        bar = filter_bar.of(changelist)
        views = self.views_context(request)
        context = {
            **self.admin_site.each_context(request),
            **views,
            "title": "Jobs",
            "drafts": resumable(request),
            "opts": Job._meta,
            "cl": changelist,
            "bar": bar,
            "rows": rows_of(list(changelist.result_list), request, shows_tenant=len(views["view_tenants"]) > 1),
            "headings": headings(changelist, request),
            "found": changelist.result_count,
            "query": request.GET.urlencode(),
            "has_any": bool(changelist.result_count) or self.get_queryset(request).exists(),
            "has_add_permission": self.has_add_permission(request),
            "actions": {
                name: action
                for name, action in self.many_actions.items()
                if access.may_anywhere(request.user, action.scope)
            },
            "pages": _pages(changelist),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "jobs/jobs/list.html", context)

    def rows_view(self, request: HttpRequest) -> HttpResponse:
        """The rows of `ids` as they are now, and in which order the page would have its rows."""
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role does not allow you to see jobs.")
        ids = {number_of(one) for one in request.GET.get("ids", "").split(",")[:MOST_ROWS]} - {None}
        shown = request.GET.copy()
        shown.pop("ids", None)
        request.GET = shown  # type: ignore[assignment]
        changelist = find_changelist(self, request)
        if changelist is None:
            return HttpResponse(status=204)
        jobs = list(self.get_queryset(request).filter(pk__in=ids))
        shows_tenant = access.tenants(request.user).count() > 1
        rows = rows_of(jobs, request, shows_tenant=shows_tenant)
        context = {"rows": rows, "query": request.GET.urlencode(), "order": [job.pk for job in changelist.result_list]}
        return TemplateResponse(request, "jobs/jobs/rows.html", context)


def _pages(changelist: Any) -> list[tuple[str, str]]:
    """Numbers of pages with their addresses; the one that is open has none, and neither has what is left out."""
    if not changelist.multi_page:
        return []
    numbers = changelist.paginator.get_elided_page_range(changelist.page_num, on_each_side=2, on_ends=1)
    given = changelist.params
    return [
        (
            str(number),
            filter_bar.address(given, p=str(number)) if number != changelist.page_num and number != "…" else "",
        )
        for number in numbers
    ]
