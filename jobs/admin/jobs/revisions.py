"""Revisions of jobs in the admin: read-only, reached from the job."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs.admin.jobs.columns import job_url
from jobs.admin.jobs.versions import changes_of, find_templates, shown
from jobs.models import JobRevision
from scheduler_project.lib import markup


@admin.register(JobRevision)
class JobRevisionAdmin(TenantAdmin[JobRevision]):
    tenant_path = "job__tenant"
    list_display = ("revision", "job_link", "change", "actor", "note", "since")
    list_select_related = ("job",)
    ordering = ("-id",)
    sortable_by = ()
    actions = None
    show_full_result_count = False

    def tenant_of(self, row: JobRevision) -> int:
        return row.job.tenant_id

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Job revisions", **(extra_context or {})})

    @admin.display(description="Revision")
    def revision(self, row: JobRevision) -> str:
        return str(row.number)

    @admin.display(description="Job")
    def job_link(self, row: JobRevision) -> SafeString:
        return format_html('<a href="{}">{}</a>', job_url(row.job_id), row.job.name)

    @admin.display(description="In force from")
    def since(self, row: JobRevision) -> str | SafeString:
        return markup.moment(row.valid_from, now=timezone.now())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row: JobRevision = self.get_object(request, object_id)
        before = JobRevision.objects.filter(job_id=row.job_id, number__lt=row.number).order_by("-number").first()
        templates = find_templates([row, *([before] if before else [])])
        is_open = row.job.archived_at is None and row.number != row.job.revision
        context = {
            **self.admin_site.each_context(request),
            "title": f"Revision {row.number} of {row.job.name}",
            "opts": JobRevision._meta,
            "revision": row,
            "before": before,
            "changes": changes_of(before, row, templates) if before else [],
            "definition": shown(row, templates),
            "may_restore": is_open and access.may(request.user, Scope.SCHEDULER_WRITE, row.job.tenant_id),
        }
        return TemplateResponse(request, "jobs/jobs/revision_page.html", context)
