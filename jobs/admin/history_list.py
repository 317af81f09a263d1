"""What the lists of executions and ticks share: read-only, newest first, and never counted in full."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse

from accounts import access
from accounts.tenant_admin import TenantAdmin
from jobs.admin.bounded_paginator import BoundedPaginator
from jobs.models import Job
from scheduler_project.lib.input import number_of


class HistoryChangeList(ChangeList):
    """Brings the names of the page's jobs along: history has no foreign keys to join on cheaply."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        names = dict(Job.objects.filter(pk__in={row.job_id for row in rows}).values_list("pk", "name"))
        for row in rows:
            row.job_name = names.get(row.job_id, "")
        self.result_list = rows


class HistoryAdmin(TenantAdmin[Any]):
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_display_links = None
    sortable_by = ()
    ordering = ("-id",)
    # Of one job: as its own index has them. Otherwise a job that ran seldom would cost a walk of the whole table.
    ordering_of_job: tuple[str, ...] = ("job_id", "-id")
    actions: Any = None
    change_list_template = "jobs/history_list.html"

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return self.ordering_of_job if find_job(request) else self.ordering

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[HistoryChangeList]:
        return HistoryChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = str(self.opts.verbose_name_plural).capitalize()
        job = find_job(request)
        if job is not None:
            title = f"{title} of {job.name}"
        return super().changelist_view(request, {"title": title, "heading": title, **(extra_context or {})})


def find_job(request: HttpRequest) -> Job | None:
    """The job that the address asks for, if the viewer may see it."""
    job_id = number_of(request.GET.get("job", ""))
    if job_id is None:
        return None
    job: Job | None = access.visible(Job.objects.all(), request.user).filter(pk=job_id).first()
    return job


class JobFilter(admin.SimpleListFilter):
    """Set by links from a job; as a list of choices it would be endless."""

    title = "job"
    parameter_name = "job"
    is_set_by_links = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = request.GET.get("job", "")
        if not value:
            return []
        job = find_job(request)
        return [(value, job.name)] if job else [("0", "")]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            if choice["display"]:
                yield choice

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        job_id = number_of(self.value() or "")
        return queryset.filter(job_id__gte=job_id, job_id__lte=job_id) if job_id else queryset
