"""The admin site of the console: its navigation, what every page knows, and the overview as its index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.apps import apps
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.decorators import login_not_required
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.decorators import method_decorator

from accounts import access
from accounts.sign_in import TooManySignIns, record

MOST_FOLLOWED = 40


@dataclass(frozen=True)
class Entry:
    label: str
    icon: str
    # "jobs.Job" leads to its list; an app label alone to the list of its models.
    target: str


GROUPS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Operate",
        (
            Entry("Overview", "home", ""),
            Entry("Jobs", "calendar", "jobs.Job"),
            Entry("Schedule", "clock", "jobs.ForecastHour"),
            Entry("Executions", "run", "jobs.Execution"),
            Entry("Ticks", "ledger", "jobs.Tick"),
            Entry("Backfills", "again", "jobs.Backfill"),
            Entry("Dead letters", "octagon", "jobs.DeadLetter"),
            Entry("Workers & queues", "server", "jobs.Worker"),
        ),
    ),
    (
        "Configure",
        (
            Entry("Calendars", "flag", "jobs.Calendar"),
            Entry("Pools", "box", "jobs.Pool"),
            Entry("Webhooks", "link", "jobs.Webhook"),
            Entry("Templates", "template", "templates_registry.TemplateVersion"),
            Entry("Celery beat rows", "clock", "django_celery_beat"),
        ),
    ),
    (
        "System",
        (
            Entry("Maintenance", "pause", "jobs.Maintenance"),
            Entry("Circuits", "link", "jobs.CircuitEvent"),
            Entry("Audit trail", "eye", "accounts.AuditEntry"),
            Entry("API requests", "ledger", "accounts.ApiRequest"),
            Entry("API keys", "key", "accounts.ApiKey"),
            Entry("Tenants", "box", "accounts.Tenant"),
            Entry("Memberships", "link", "accounts.Membership"),
            Entry("Rate limits", "clock", "accounts.RateLimit"),
            Entry("Users", "user", "auth.User"),
            Entry("Groups", "users", "auth.Group"),
            Entry("Celery results", "check", "django_celery_results"),
        ),
    ),
)
# Reached from the job they belong to.
ELSEWHERE = {"jobs.EventHook", "jobs.DeadLetterReplay", "jobs.JobRevision"}


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


@dataclass(frozen=True)
class Link:
    label: str
    icon: str
    url: str
    is_current: bool


class ConsoleAdminSite(AdminSite):
    site_header = "Daybook"
    site_title = "Daybook"
    index_title = "Overview"
    site_url = None
    index_template = "console/overview.html"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        own = getattr(admin_class or ModelAdmin, "formfield_overrides", {})
        options.setdefault("formfield_overrides", {**NATIVE_CONTROLS, **own})
        super().register(model_or_iterable, admin_class, **options)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        if context["has_permission"]:
            from jobs import maintenance, runtime_flags

            context |= {"navigation": self.navigation(request), "maintenance": maintenance.current()}
            context["live_topics"] = [f"tenant:{slug}" for slug in self._slugs(request)]
            flag = runtime_flags.scheduler()
            context["switched_off"] = None if flag.value else flag
        return context

    def _slugs(self, request: HttpRequest) -> list[str]:
        """Of the tenants whose news a page gets by itself; beyond that it reads again from time to time."""
        return list(access.tenants(request.user).order_by("pk").values_list("slug", flat=True)[:MOST_FOLLOWED])

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
        from jobs.admin.dashboard import page as overview

        return super().index(request, {**overview.facts(request), **(extra_context or {})})

    def navigation(self, request: HttpRequest) -> list[tuple[str, list[Link]]]:
        """Groups of links to what this user may open; models that nobody has placed come last."""
        groups = [(title, self._links(entries, request)) for title, entries in GROUPS]
        others = self._links(tuple(self._unplaced()), request)
        return [(title, links) for title, links in [*groups, ("More", others)] if links]

    def _links(self, entries: tuple[Entry, ...], request: HttpRequest) -> list[Link]:
        found = []
        for entry in entries:
            if self._is_open(entry.target, request) and (url := self._url(entry.target)):
                is_current = request.path == url if not entry.target else request.path.startswith(url)
                found.append(Link(entry.label, entry.icon, url, is_current))
        return found

    def _is_open(self, target: str, request: HttpRequest) -> bool:
        if not target:
            return True
        return any(
            admin.has_module_permission(request) and admin.has_view_or_change_permission(request)
            for model, admin in self._registry.items()
            if target in (model._meta.label, model._meta.app_label)
        )

    def _url(self, target: str) -> str:
        try:
            if not target:
                return reverse("admin:index", current_app=self.name)
            if "." not in target:
                return reverse("admin:app_list", args=[target], current_app=self.name)
            options = apps.get_model(target)._meta
            return reverse(f"admin:{options.app_label}_{options.model_name}_changelist", current_app=self.name)
        except (NoReverseMatch, LookupError):
            return ""

    def _unplaced(self) -> Iterator[Entry]:
        placed = {entry.target for _, entries in GROUPS for entry in entries} | ELSEWHERE
        for model in self._registry:
            if model._meta.label not in placed and model._meta.app_label not in placed:
                label = str(model._meta.verbose_name_plural)
                yield Entry(label[:1].upper() + label[1:], "box", model._meta.label)

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        title = {"title": apps.get_app_config(app_label).verbose_name} if app_label in apps.app_configs else {}
        return super().app_index(request, app_label, {**title, **(extra_context or {})})
