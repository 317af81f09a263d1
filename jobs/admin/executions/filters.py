"""Filters and search of the list of executions, over which no count is ever made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Count, F, Func, Q
from django.http import HttpRequest

from accounts import access
from jobs import narrowing
from jobs.admin.executions import page as execution_page
from jobs.models import Job, Worker
from jobs.rules.states import PRIORITIES, ExecutionStatus, HeldFor, Trigger
from scheduler_project.lib import sql
from scheduler_project.lib.input import number_of
from templates_registry.models import TemplateVersion

MOST_QUEUES = MOST_TAGS = 20
MOST_WORKERS = 50
MOST_JOBS = 1_000


def found_by(text: str, executions: Any, user: Any) -> Any:
    """By ids of jobs instead of a join: with one, PostgreSQL would rather read the whole table."""
    text = sql.text(text.strip())
    jobs = access.visible(Job.objects.filter(name__icontains=text), user).order_by("-pk")
    fits = Q(job_id__in=list(jobs.values_list("pk", flat=True)[:MOST_JOBS])) | Q(request_id=text)
    if (number := number_of(text)) is not None:
        fits |= Q(pk=number)
    return executions.filter(fits)


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"
    everything = "Any status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        words = [(status.value, status.value.replace("_", " ").capitalize()) for status in ExecutionStatus]
        return [("unsuccessful", "Did not succeed"), ("approval", "Waits for approval"), *words]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "unsuccessful":
            return queryset.filter(status__in=execution_page.UNSUCCESSFUL)
        if self.value() == "approval":
            return queryset.filter(status=ExecutionStatus.QUEUED, held_for=HeldFor.APPROVAL)
        return queryset.filter(status=self.value()) if self.value() else queryset


class TriggerFilter(admin.SimpleListFilter):
    title = "trigger"
    parameter_name = "trigger"
    everything = "Any trigger"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(trigger.value, execution_page.TRIGGERS[trigger]) for trigger in Trigger]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(trigger=self.value()) if self.value() else queryset


class _ApiFilter(admin.SimpleListFilter):
    """Narrows as the query parameter of the same name does in the API, without touching the order of the list."""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.value():
            return queryset
        return narrowing.find_executions(queryset, **{self.parameter_name: self.value()})  # type: ignore[arg-type]


class PriorityFilter(_ApiFilter):
    title = "priority"
    parameter_name = "priority"
    everything = "Any priority"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.capitalize()) for name in PRIORITIES]


class TemplateFilter(_ApiFilter):
    title = "template"
    parameter_name = "template"
    everything = "All templates"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = TemplateVersion.objects.order_by("name", "version").values_list("name", "title")
        titles = {name: title or name for name, title in rows}
        return sorted(titles.items(), key=lambda item: item[1].casefold())


class QueueFilter(_ApiFilter):
    """Of the queues that jobs use; one that stands in the address is offered as well."""

    title = "queue"
    parameter_name = "queue"
    everything = "All queues"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        jobs = access.visible(Job.objects.all(), request.user).order_by("queue")
        queues = set(jobs.values_list("queue", flat=True).distinct()[:MOST_QUEUES])
        asked = request.GET.get(self.parameter_name, "")
        return [(queue, queue) for queue in sorted(queues | ({asked} if asked else set()))]


class TagFilter(_ApiFilter):
    """Of the job, as it is now."""

    title = "tag"
    parameter_name = "tag"
    everything = "All tags"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        jobs = access.visible(Job.objects.filter(archived_at=None), request.user).order_by()
        tags = jobs.annotate(one=Func(F("tags"), function="unnest")).values("one").annotate(count=Count("pk"))
        found = [row["one"] for row in tags.order_by("-count", "one")[:MOST_TAGS]]
        return [(tag, tag) for tag in _with_asked(found, request, self.parameter_name)]


class WorkerFilter(_ApiFilter):
    """Of any attempt."""

    title = "worker"
    parameter_name = "worker"
    everything = "All workers"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = Worker.objects.order_by("-heartbeat_at").values_list("name", flat=True)[:MOST_WORKERS]
        return [(name, name) for name in _with_asked(sorted(names), request, self.parameter_name)]


class FingerprintFilter(_ApiFilter):
    """Set by links from an error: executions that failed in the same way."""

    title = "same error"
    parameter_name = "fingerprint"
    is_set_by_links = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = request.GET.get(self.parameter_name, "")
        return [(asked, asked[:12])] if asked else []


def _with_asked(names: list[str], request: HttpRequest, parameter: str) -> list[str]:
    asked = request.GET.get(parameter, "")
    return [*names, asked] if asked and asked not in names else names
