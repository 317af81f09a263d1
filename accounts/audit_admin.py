"""The audit trail and the record of requests in the console: only read, sampled and exported."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import access
from accounts.audit import exporting, reading
from accounts.models import ApiRequest, AuditEntry
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from scheduler_project.lib import markup

SAMPLED = 20
NARROWING = ("actor", "target", "target_id", "outcome", "via")  # of the list, so that it is sampled as it is shown
OUTCOMES = {
    "done": ("Done", "good", "check"),
    "refused": ("Refused", "warn", "hand"),
    "failed": ("Failed", "bad", "cross"),
}


class NewestPaginator(Paginator):  # type: ignore[type-arg]
    """Older ones are found by filters."""

    most = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.most].count())


class RecordAdmin(TenantAdmin[Any]):
    view_scope = Scope.AUDIT_READ
    paginator = NewestPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_display_links: Any = None
    list_select_related = ("tenant",)
    ordering = ("-id",)
    sortable_by = ()
    actions: Any = None

    @admin.display(description="When")
    def when(self, row: Any) -> str | SafeString:
        return markup.moment(row.at, now=timezone.now())

    @admin.display(description="Tenant", empty_value="—")
    def of_tenant(self, row: Any) -> str | None:
        return row.tenant.slug if row.tenant else None


@admin.register(AuditEntry)
class AuditAdmin(RecordAdmin):
    list_display = ("when", "action_link", "what", "actor", "of_tenant", "result", "via")
    list_filter = ("outcome", "via")
    search_fields = ("=actor", "=action", "target_name", "note", "=request_id")
    search_help_text = "A whole actor, action or request id; part of a name or a note."
    change_list_template = "accounts/audit_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("sample/", view(self.sample_view), name="accounts_auditentry_sample"),
            path("export/", view(self.export_view), name="accounts_auditentry_export"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"title": "Audit trail", "heading": "Audit trail", "state": reading.state(), **(extra_context or {})}
        return super().changelist_view(request, context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        entry: AuditEntry = self.get_object(request, object_id)
        if not access.is_superuser(request.user) and entry.tenant_id is None:
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"Audit entry {entry.pk}",
            "opts": self.opts,
            "entry": entry,
            "result": self.result(entry),
            "changes": [(name, _in_words(before), _in_words(after)) for name, (before, after) in entry.changes.items()],
        }
        return TemplateResponse(request, "accounts/audit_entry.html", context)

    def sample_view(self, request: HttpRequest) -> HttpResponse:
        """Entries of the last 31 days, drawn at random, for somebody to look at."""
        drawn = reading.sample(self._asked_for(request, since=timezone.now() - reading.DEFAULT_WINDOW), SAMPLED)
        rows = [(entry, self.result(entry)) for entry in drawn]
        context = {**self.admin_site.each_context(request), "title": "A sample", "opts": self.opts, "rows": rows}
        return TemplateResponse(request, "accounts/audit_sample.html", context)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        until = timezone.now()
        since = until - reading.DEFAULT_WINDOW
        form = "jsonl" if request.GET.get("format") == "jsonl" else "csv"
        entries = self._asked_for(request, since=since, until=until)
        return exporting.attachment(request, entries, form, since=since, until=until)

    def _asked_for(self, request: HttpRequest, **window: Any) -> QuerySet[AuditEntry]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown = self.get_queryset(request).select_related("tenant")
        found, _ = self.get_search_results(request, shown, request.GET.get("q", ""))
        named = {name: request.GET.get(name) or request.GET.get(f"{name}__exact") for name in NARROWING}
        return reading.find(found, **named, **window)

    @admin.display(description="Action")
    def action_link(self, entry: AuditEntry) -> SafeString:
        address = reverse("admin:accounts_auditentry_change", args=[entry.pk])
        return format_html('<a href="{}">{}</a>', address, entry.action)

    @admin.display(description="What")
    def what(self, entry: AuditEntry) -> str:
        return " ".join(filter(None, (entry.target_name or entry.target, entry.target_id and f"({entry.target_id})")))

    @admin.display(description="Outcome")
    def result(self, entry: AuditEntry) -> SafeString:
        word, tone, shape = OUTCOMES[entry.outcome]
        return markup.chip(word, tone=tone, shape=shape)


class MethodFilter(admin.SimpleListFilter):
    title = "method"
    parameter_name = "method"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(method, method) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(method=self.value()) if self.value() else queryset


class AnswerFilter(admin.SimpleListFilter):
    title = "answer"
    parameter_name = "answer"
    bounds: ClassVar = {"good": (0, 400), "denied": (400, 500), "failed": (500, 600)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("good", "Answered"), ("denied", "Refused (4xx)"), ("failed", "Failed (5xx)")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        least, most = self.bounds.get(self.value() or "", (0, 600))
        return queryset.filter(status__gte=least, status__lt=most)


@admin.register(ApiRequest)
class ApiRequestAdmin(RecordAdmin):
    list_display = ("when", "method", "path", "status", "took", "principal", "of_tenant", "address")
    list_filter = (MethodFilter, AnswerFilter)
    search_fields = ("=principal", "=request_id", "=route")
    search_help_text = "A whole principal such as key:1a2b3c4d, a request id, or a route such as job-list."

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "API requests", **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        raise PermissionDenied("A request has no page of its own.")

    @admin.display(description="Took")
    def took(self, row: ApiRequest) -> str:
        return markup.duration(row.milliseconds / 1000)


def _in_words(value: Any) -> str:
    if value is None:
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
