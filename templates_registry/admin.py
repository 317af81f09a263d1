"""Templates in the admin: read-only, with the schema of their parameters as a table."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import ReadOnlyAdmin
from scheduler_project.lib import markup
from templates_registry.models import TemplateVersion
from templates_registry.schema_table import rows


class VersionFilter(admin.SimpleListFilter):
    """Versions that the code has left behind show only when asked for."""

    title = "versions"
    parameter_name = "versions"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("gone", "No longer in the code"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        for place, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": "In the code"} if place == 0 else choice

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "all":
            return queryset
        return queryset.filter(is_available=self.value() != "gone")


@admin.register(TemplateVersion)
class TemplateAdmin(ReadOnlyAdmin[TemplateVersion]):
    list_display = ("template", "category", "version_number", "job_count", "traits", "limits")
    list_display_links = None
    list_filter = (VersionFilter, "category")
    search_fields = ("name", "title", "description")
    ordering = ("category", "title", "-version")
    sortable_by = ()
    actions = None
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> Any:
        mine = Q(jobs__archived_at=None)
        if not access.is_superuser(request.user):
            mine &= Q(jobs__tenant__in=access.tenants(request.user).values("pk"))
        return super().get_queryset(request).annotate(uses=Count("jobs", filter=mine))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Templates", "heading": "Templates", **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"There is no template {object_id}.")
        context = {
            **self.admin_site.each_context(request),
            "title": row.title or row.name,
            "opts": TemplateVersion._meta,
            "template": row,
            "rows": rows(row.schema),
            "traits": traits(row),
            "versions": TemplateVersion.objects.filter(name=row.name).exclude(pk=row.pk),
            "may_create": access.may_anywhere(request.user, Scope.SCHEDULER_WRITE) and row.is_available,
        }
        return TemplateResponse(request, "templates_registry/template_page.html", context)

    @admin.display(description="Template")
    def template(self, row: TemplateVersion) -> SafeString:
        url = reverse("admin:templates_registry_templateversion_change", args=[row.pk])
        first = row.description.strip().partition("\n")[0]
        return format_html(
            '<a class="row-link" href="{}">{}</a> <small class="below">{}</small>', url, row.title or row.name, first
        )

    @admin.display(description="Version")
    def version_number(self, row: TemplateVersion) -> str:
        return f"v{row.version}"

    @admin.display(description="Jobs")
    def job_count(self, row: Any) -> SafeString:
        return format_html('<a href="{}?template={}">{}</a>', reverse("admin:jobs_job_changelist"), row.name, row.uses)

    @admin.display(description="Traits")
    def traits(self, row: TemplateVersion) -> SafeString:
        return traits(row)

    @admin.display(description="Limit / retries")
    def limits(self, row: TemplateVersion) -> str:
        return f"{markup.duration(row.timeout.total_seconds())} / {row.max_retries}"


def traits(row: TemplateVersion) -> SafeString:
    chips = []
    if row.is_destructive:
        chips.append(markup.chip("Destructive", tone="warn", shape="alert", title="A run deletes or overwrites data"))
    if row.supports_dry_run:
        chips.append(markup.chip("Dry run", tone="info", shape="eye", title="Can say what a run would do"))
    if row.is_idempotent:
        chips.append(markup.chip("Repeatable", tone="quiet", shape="again", title="Running it twice does no harm"))
    if not row.is_available:
        chips.append(markup.chip("Gone", tone="bad", shape="unknown", title="The code has no such version any more"))
    return format_html('<span class="chips">{}</span>', format_html_join(" ", "{}", ((chip,) for chip in chips)))
