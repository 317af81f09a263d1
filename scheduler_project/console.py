"""The admin site of the console: its pages, what all of them know, and the dashboard as its index."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django import forms
from django.apps import apps
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.decorators import login_not_required
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.utils.decorators import method_decorator

from accounts import focus
from accounts.sign_in import TooManySignIns, record

# The browser's own controls: the stock ones write inline styles, which the content security policy refuses, and have
# parts without a label.
NATIVE_CONTROLS: dict[type[models.Field[Any, Any]], dict[str, Any]] = {
    models.DateTimeField: {
        "form_class": forms.DateTimeField,
        "widget": forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"),
    },
    models.DateField: {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")},
    models.TimeField: {"widget": forms.TimeInput(attrs={"type": "time", "step": 1}, format="%H:%M:%S")},
}
PARTS = frozenset({"Hx-Request", "X-Requested-With"})  # by these headers pages ask for parts of themselves


class ConsoleAdminSite(AdminSite):
    site_header = "Daybook"
    site_title = "Daybook"
    index_title = "Dashboard"
    site_url = None
    index_template = "jobs/dashboard/page.html"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        own = getattr(admin_class or ModelAdmin, "formfield_overrides", {})
        options.setdefault("formfield_overrides", {**NATIVE_CONTROLS, **own})
        super().register(model_or_iterable, admin_class, **options)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        if context["has_permission"]:
            from scheduler_project.frame import context as frame

            context |= frame.of(self, request)
        return context

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """As the stock one, for the tenant that the viewer looks at; what htmx asks for is not led to the login."""
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if "HX-Request" in request.headers and not self.has_permission(request):
                return HttpResponse("You are signed out.", status=401, content_type="text/plain")
            from notifications.live import missed
            from scheduler_project.frame import viewer

            if request.method == "GET" and not PARTS.intersection(request.headers) and self.has_permission(request):
                # Before anything is read: what changes from here on is told to the page once it listens.
                request.META["DAYBOOK_SEEN"] = missed.look()
            tenant = viewer.focus_of(request)
            with focus.on(tenant.pk if tenant else None):
                response = guarded(request, *args, **kwargs)
                # Rendered here: what a page asks for while it is drawn is narrowed as well.
                is_drawn_later = isinstance(response, SimpleTemplateResponse) and not response.is_rendered
                return response.render() if is_drawn_later else response

        return respond

    def get_urls(self) -> list[Any]:
        from jobs.admin.dashboard import page as dashboard
        from notifications.admin.urls import urls as notifications
        from scheduler_project import settings_page
        from scheduler_project.frame import pages

        own = [*pages.urls(self), *dashboard.urls(self), *settings_page.urls(self), *notifications(self)]
        return [*own, *super().get_urls()]

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            return super().login(request, extra_context)
        except TooManySignIns as refusal:
            if refusal.is_first:
                record.refused(request.POST.get("username", ""))
            context = {**self.each_context(request), "title": "Too many sign-ins", "refusal": refusal}
            headers = {"Retry-After": str(refusal.wait), "Cache-Control": "no-store"}
            return TemplateResponse(request, "console/too_many_sign_ins.html", context, status=429, headers=headers)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from jobs.admin.dashboard import page as dashboard

        return super().index(request, {**dashboard.facts(request), **(extra_context or {})})

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        title = {"title": apps.get_app_config(app_label).verbose_name} if app_label in apps.app_configs else {}
        return super().app_index(request, app_label, {**title, **(extra_context or {})})
