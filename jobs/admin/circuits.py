"""Circuits in the admin: how they are now, what changed them, and a button that closes one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts import access
from accounts.tenant_admin import ReadOnlyAdmin
from jobs import circuits
from jobs.admin.jobs.operations import Caller
from jobs.models import CircuitEvent
from scheduler_project.lib import markup


@admin.register(CircuitEvent)
class CircuitEventAdmin(ReadOnlyAdmin[CircuitEvent]):
    """For superusers: the hosts tell what every tenant calls."""

    list_display = ("when", "circuit_name", "change", "why")
    list_display_links = None
    search_fields = ("circuit",)
    ordering = ("-id",)
    sortable_by = ()
    actions = None
    change_list_template = "jobs/circuit_list.html"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.is_superuser(request.user)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reset_view)
        return [path("reset/", view, name="jobs_circuitevent_reset"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"title": "Circuits", "circuits": circuits.list_known()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A change has no page of its own."""
        return _back()

    def reset_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied("A circuit is shared by all tenants, so only superusers close one.")
        name = request.POST.get("name", "")
        try:
            circuits.reset(name, by=Caller.of(request).actor)
        except circuits.UnknownCircuit as error:
            raise Http404(str(error)) from None
        messages.success(request, f"The circuit {name} is closed: the next call is made.")
        return _back()

    @admin.display(description="When")
    def when(self, row: CircuitEvent) -> str | SafeString:
        return markup.moment(row.at, now=timezone.now())

    @admin.display(description="Circuit")
    def circuit_name(self, row: CircuitEvent) -> str:
        return row.circuit

    @admin.display(description="Change")
    def change(self, row: CircuitEvent) -> str:
        return f"{row.before} → {row.after}"


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:jobs_circuitevent_changelist"))
