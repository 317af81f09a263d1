"""The navigation of the console: which entries there are, and which of them a viewer may open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from accounts import access
from accounts.scopes import Scope


@dataclass(frozen=True)
class Entry:
    label: str
    icon: str
    # "jobs.Job" leads to its list; an app label alone to the list of its models; "page:x" to a page by its name.
    target: str
    key: str = ""  # after g


@dataclass(frozen=True)
class Link:
    label: str
    icon: str
    url: str
    is_current: bool
    key: str
    target: str


@dataclass(frozen=True)
class Group:
    title: str
    links: list[Link]
    folded: list[Link]
    """Rarely used: shown when asked for."""

    @property
    def is_open(self) -> bool:
        return any(link.is_current for link in self.folded)

    @property
    def all(self) -> list[Link]:
        return [*self.links, *self.folded]


OPERATE = (
    Entry("Dashboard", "home", "page:index", "d"),
    Entry("Jobs", "calendar", "jobs.Job", "j"),
    Entry("Executions", "run", "jobs.Execution", "e"),
    Entry("Schedule", "clock", "jobs.ForecastHour", "s"),
    Entry("Pipelines", "merge", "page:jobs_pipelines", "p"),
    Entry("Dead letters", "octagon", "jobs.DeadLetter", "x"),
    Entry("Workers & queues", "server", "jobs.Worker", "w"),
)
CONFIGURE = (
    Entry("Templates", "template", "templates_registry.TemplateVersion"),
    Entry("Calendars", "flag", "jobs.Calendar"),
    Entry("Pools", "box", "jobs.Pool"),
    Entry("Webhooks", "link", "jobs.Webhook"),
    Entry("Notifications", "bell", "page:notifications", "n"),
)
SYSTEM = (
    Entry("Audit trail", "eye", "accounts.AuditEntry"),
    Entry("API keys", "key", "accounts.ApiKey"),
    Entry("Settings", "sliders", "page:jobs_settings"),
)
SELDOM = (
    Entry("Ticks", "ledger", "jobs.Tick"),
    Entry("Backfills", "again", "jobs.Backfill"),
    Entry("Maintenance", "pause", "jobs.Maintenance"),
    Entry("Circuits", "link", "jobs.CircuitEvent"),
    Entry("API requests", "ledger", "accounts.ApiRequest"),
    Entry("Tenants", "box", "accounts.Tenant"),
    Entry("Memberships", "link", "accounts.Membership"),
    Entry("Rate limits", "clock", "accounts.RateLimit"),
    Entry("Users", "user", "auth.User"),
    Entry("Groups", "users", "auth.Group"),
    Entry("Celery beat rows", "clock", "django_celery_beat"),
    Entry("Celery results", "check", "django_celery_results"),
)
OF_CELERY = {"django_celery_results"}  # empty where APScheduler runs the jobs
# Reached from where they belong.
ELSEWHERE = {"jobs.Dependency", "jobs.EventHook", "jobs.DeadLetterReplay", "jobs.JobRevision"}


def groups(site: AdminSite, request: HttpRequest) -> list[Group]:
    """What this viewer may open; models that nobody has placed come last."""
    found = [
        Group("Operate", _links(site, OPERATE, request), []),
        Group("Configure", _links(site, CONFIGURE, request), []),
        Group("System", _links(site, SYSTEM, request), _links(site, (*SELDOM, *_unplaced(site)), request)),
    ]
    return [group for group in found if group.all]


def _links(site: AdminSite, entries: tuple[Entry, ...], request: HttpRequest) -> list[Link]:
    found = []
    for entry in entries:
        if _is_open(site, entry.target, request) and (url := _url(site, entry.target)):
            is_current = request.path == url if entry.target == "page:index" else request.path.startswith(url)
            found.append(Link(entry.label, entry.icon, url, is_current, entry.key, entry.target))
    return found


def _is_open(site: AdminSite, target: str, request: HttpRequest) -> bool:
    if target in OF_CELERY and not settings.SCHEDULER_USE_CELERY:
        return False
    if target == "page:index":
        return True
    if target == "page:notifications":
        return access.may_anywhere(request.user, Scope.NOTIFICATIONS_READ)
    if target.startswith("page:"):
        return access.may_anywhere(request.user, Scope.SCHEDULER_READ)
    return any(
        admin.has_module_permission(request) and admin.has_view_or_change_permission(request)
        for model, admin in site._registry.items()
        if target in (model._meta.label, model._meta.app_label)
    )


def _url(site: AdminSite, target: str) -> str:
    try:
        if target.startswith("page:"):
            return reverse(f"admin:{target.removeprefix('page:')}", current_app=site.name)
        if "." not in target:
            return reverse("admin:app_list", args=[target], current_app=site.name)
        options = apps.get_model(target)._meta
        return reverse(f"admin:{options.app_label}_{options.model_name}_changelist", current_app=site.name)
    except (NoReverseMatch, LookupError):
        return ""


def _unplaced(site: AdminSite) -> Iterator[Entry]:
    placed = {entry.target for entry in (*OPERATE, *CONFIGURE, *SYSTEM, *SELDOM)} | ELSEWHERE
    for model in site._registry:
        if model._meta.label not in placed and model._meta.app_label not in placed:
            label = str(model._meta.verbose_name_plural)
            yield Entry(label[:1].upper() + label[1:], "box", model._meta.label)
