"""Revisions of jobs in the admin: read-only, reached from the job."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.tenant_admin import TenantAdmin
from jobs.admin.editor.parameters import masked
from jobs.admin.jobs.columns import job_url
from jobs.models import JobRevision
from scheduler_project.lib import markup
from templates_registry.models import TemplateVersion


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
        context = {
            **self.admin_site.each_context(request),
            "title": f"Revision {row.number} of {row.job.name}",
            "opts": JobRevision._meta,
            "revision": row,
            "before": before,
            "changes": differences(shown(before) if before else {}, shown(row)),
            "definition": shown(row),
        }
        return TemplateResponse(request, "jobs/jobs/revision_page.html", context)


def shown(row: JobRevision) -> dict[str, Any]:
    """The definition with its secrets masked; wholly without parameters when their template is unknown."""
    definition: dict[str, Any] = dict(row.definition)
    template = TemplateVersion.objects.filter(
        name=definition.get("template", ""), version=definition.get("template_version", 0)
    ).first()
    parameters = definition.get("parameters", {})
    definition["parameters"] = masked(template, parameters) if template else {}
    return definition


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(path, before, after) of every value that is not the same."""
    old, new = dict(_flat(before)), dict(_flat(after))
    return [
        (path, old.get(path, ""), new.get(path, "")) for path in sorted({*old, *new}) if old.get(path) != new.get(path)
    ]


def _flat(value: dict[str, Any], prefix: str = "") -> Any:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
