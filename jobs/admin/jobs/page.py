"""The page of one job: its head, and under tabs what it is, what it did, why it did not run, and who changed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from jobs.admin.chips import job_state
from jobs.admin.jobs.operations import OPERATIONS
from jobs.admin.jobs.tabs import connections, decisions, overview, parameters, runs, versions
from jobs.models import Job
from jobs.rules.states import Origin
from scheduler_project.lib import sql

Facts = Callable[[HttpRequest, Job, datetime], dict[str, Any]]
ELSEWHERE = {"part"}  # what of the address says only how it is answered


@dataclass(frozen=True)
class Tab:
    """`is_live`: what it shows changes with the job's runs. What people fill in is never replaced under their hands."""

    name: str
    label: str
    facts: Facts
    is_live: bool = False
    template: str = ""

    @property
    def shown_by(self) -> str:
        return self.template or f"jobs/jobs/tabs/{self.name}.html"


TABS = [
    Tab("overview", "Overview", overview.facts, is_live=True),
    Tab("runs", "Runs", runs.facts, is_live=True),
    Tab("decisions", "Decisions", decisions.facts, is_live=True),
    Tab("parameters", "Parameters", parameters.facts),
    Tab("versions", "Versions", versions.facts),
    Tab("connections", "Hooks & dependencies", connections.facts),
]


def also_show(tab: Tab) -> None:
    """Let apps above the engine have a tab too."""
    if tab.name not in [known.name for known in TABS]:
        TABS.append(tab)


def respond(request: HttpRequest, site_context: dict[str, Any], job: Job) -> HttpResponse:
    now = sql.now()
    wanted = request.GET.get("tab", "")
    tab = next((tab for tab in TABS if tab.name == wanted), TABS[0])
    part = request.GET.get("part", "")
    facts = tab.facts(request, job, now) if part != "head" else {}
    context = {
        **(site_context if not part else {}),
        "title": job.name,
        "subtitle": tab.label if tab is not TABS[0] else "",
        "opts": Job._meta,
        "job": job,
        "now": now,
        "state": job_state(job),
        "tab": tab,
        "tabs": TABS,
        "tab_template": tab.shown_by,
        "live_url": _address(request, job),
        "follows": tab.is_live and facts.get("follows", True),
        "operations": {
            name.replace("-", "_"): operation.is_open_to(request, job) for name, operation in OPERATIONS.items()
        },
        "may_edit": job.archived_at is None and access.may(request.user, Scope.SCHEDULER_WRITE, job.tenant_id),
        "is_adopted": job.origin == Origin.ADOPTED,
        **facts,
    }
    template = {"head": "jobs/jobs/head_part.html", "tab": "jobs/jobs/tab_part.html"}.get(part, "jobs/jobs/page.html")
    return TemplateResponse(request, template, context)


def _address(request: HttpRequest, job: Job) -> str:
    """Of this very view of the job, to be read again."""
    asked = request.GET.copy()
    for name in ELSEWHERE:
        asked.pop(name, None)
    query = asked.urlencode()
    return f"{reverse('admin:jobs_job_page', args=[job.pk])}?{query}{'&' if query else ''}part="
