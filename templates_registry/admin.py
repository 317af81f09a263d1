"""Templates in the admin: read-only, since the code says what they are."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from accounts.tenant_admin import ReadOnlyAdmin
from templates_registry.console import detail, gallery, playground
from templates_registry.models import TemplateVersion


@admin.register(TemplateVersion)
class TemplateAdmin(ReadOnlyAdmin[TemplateVersion]):
    actions = None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.playground_view)
        return [path("playground/", view, name="templates_registry_playground"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)  # which refuses
        return gallery.respond(request, self.admin_site.each_context(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role does not allow you to see templates.")
        if row is None:
            raise Http404(f"There is no template {object_id}.")
        return detail.respond(request, self.admin_site.each_context(request), row)

    def playground_view(self, request: HttpRequest) -> HttpResponse:
        return playground.respond(request, self.admin_site.each_context(request))
