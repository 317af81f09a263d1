"""Search over everything a viewer may open: jobs, executions by number, templates, pages, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Case, Q, When
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from jobs.models import Execution, Job
from scheduler_project.frame import navigation
from scheduler_project.lib import sql
from scheduler_project.lib.input import number_of
from templates_registry.models import TemplateVersion

SHOWN = 6
LONGEST_QUERY = 100
MOST_WORDS = 5
RUN = "run "


@dataclass(frozen=True)
class Hit:
    label: str
    url: str
    icon: str
    hint: str = ""


@dataclass(frozen=True)
class Section:
    title: str
    hits: list[Hit]


def respond(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """A page of its own; of it only the hits for the dialog, which asks with `part`."""
    query = sql.text(request.GET.get("q", "")).strip()[:LONGEST_QUERY]
    found = {"sections": find(site, request, query), "query": query}
    if "part" in request.GET:
        return TemplateResponse(request, "console/hits.html", found)
    context = {**site.each_context(request), **found, "title": f"Search: {query}" if query else "Search"}
    return TemplateResponse(request, "console/find.html", context)


def find(site: AdminSite, request: HttpRequest, query: str) -> list[Section]:
    """Best first: a number leads to its execution, `run …` to the question before a run."""
    if not access.may_anywhere(request.user, Scope.SCHEDULER_READ):
        found = [Section("Pages", _pages(site, request, query))]
    elif query.lower().startswith(RUN):
        found = [
            Section("Run now", _runs(request, query[len(RUN) :].strip(), SHOWN)),
            *_everything(site, request, query),
        ]
    else:
        found = _everything(site, request, query)
    return [section for section in found if section.hits]


def _everything(site: AdminSite, request: HttpRequest, query: str) -> list[Section]:
    return [
        Section("Executions", _executions(request, query)),
        Section("Jobs", _jobs(request, query)),
        Section("Actions", [*_actions(request, query), *(_runs(request, query, 2) if query else [])]),
        Section("Pages", _pages(site, request, query)),
        Section("Templates", _templates(request, query)),
    ]


def _executions(request: HttpRequest, query: str) -> list[Hit]:
    number = number_of(query.lstrip("#"))
    if number is None:
        return []
    rows = access.visible(Execution.objects.filter(pk=number), request.user).select_related("template")
    return [
        Hit(f"Execution {row.pk}", reverse("admin:jobs_execution_change", args=[row.pk]), "run", _told(row))
        for row in rows.only("pk", "status", "template__title", "template__name")
    ]


def _told(row: Execution) -> str:
    return f"{row.template.title or row.template.name}, {row.status.replace('_', ' ')}"


def _jobs(request: HttpRequest, query: str) -> list[Hit]:
    if not query:
        return []
    shows_tenant = access.tenants(request.user)[:2].count() > 1
    return [
        Hit(
            job.name,
            reverse("admin:jobs_job_page", args=[job.pk]),
            "calendar",
            job.tenant.name if shows_tenant else job.slug,
        )
        for job in _of_name(request, query, Scope.SCHEDULER_READ)[:SHOWN]
    ]


def _runs(request: HttpRequest, name: str, most: int) -> list[Hit]:
    found = _of_name(request, name, Scope.SCHEDULER_RUN)[:most]
    return [Hit(f"Run {job.name}", reverse("admin:run_job", args=[job.pk]), "run", "asks first") for job in found]


def _of_name(request: HttpRequest, name: str, scope: str) -> Any:
    """All words in the name, in any order; those that begin so come first."""
    rows = access.visible(Job.objects.filter(archived_at=None), request.user, scope)
    for word in name.split()[:MOST_WORDS]:
        rows = rows.filter(Q(name__icontains=word) | Q(slug__icontains=word))
    begins = Case(When(name__istartswith=name, then=0), default=1)
    return rows.select_related("tenant").only("pk", "name", "slug", "tenant__name").order_by(begins, "name")


def _actions(request: HttpRequest, query: str) -> list[Hit]:
    found = []
    if access.may_anywhere(request.user, Scope.SCHEDULER_WRITE):
        found += [
            Hit("New job", reverse("admin:jobs_job_add"), "plus", "N"),
            Hit("Import jobs", reverse("admin:jobs_job_import"), "plus"),
        ]
    return _matching(found, query)


def _pages(site: AdminSite, request: HttpRequest, query: str) -> list[Hit]:
    links = [link for group in navigation.groups(site, request) for link in (group.all if query else group.links)]
    return _matching(
        [Hit(link.label, link.url, link.icon, f"G {link.key.upper()}" if link.key else "") for link in links], query
    )


def _templates(request: HttpRequest, query: str) -> list[Hit]:
    if not query:
        return []
    rows = TemplateVersion.objects.filter(title__icontains=query).order_by("title")[:SHOWN]
    name = "admin:templates_registry_templateversion_change"
    return [Hit(row.title or row.name, reverse(name, args=[row.pk]), "template", row.name) for row in rows]


def _matching(hits: list[Hit], query: str) -> list[Hit]:
    words = query.lower().split()
    return [hit for hit in hits if all(word in hit.label.lower() for word in words)]
