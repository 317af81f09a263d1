"""Filters and search of the list of executions, over which no count is ever made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from accounts import access
from jobs import narrowing
from jobs.admin.executions import page as execution_page
from jobs.models import Job
from jobs.rules.states import PRIORITIES, ExecutionStatus, HeldFor, Trigger
from scheduler_project.lib import sql
from templates_registry.models import TemplateVersion

MOST_QUEUES = 20
MOST_JOBS = 1_000
LONGEST_NUMBER = 18  # digits of an id


def found_by(text: str, executions: Any, user: Any) -> Any:
    """By ids of jobs instead of a join: with one, PostgreSQL would rather read the whole table."""
    text = sql.text(text.strip())
    jobs = access.visible(Job.objects.filter(name__icontains=text), user).order_by("-pk")
    fits = Q(job_id__in=list(jobs.values_list("pk", flat=True)[:MOST_JOBS])) | Q(request_id=text)
    if text.isdecimal() and len(text) <= LONGEST_NUMBER:
        fits |= Q(pk=int(text))
    return executions.filter(fits)


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

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

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.capitalize()) for name in PRIORITIES]


class TemplateFilter(_ApiFilter):
    title = "template"
    parameter_name = "template"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = TemplateVersion.objects.order_by("name", "version").values_list("name", "title")
        titles = {name: title or name for name, title in rows}
        return sorted(titles.items(), key=lambda item: item[1].casefold())


class QueueFilter(_ApiFilter):
    """Of the queues that jobs use; one that stands in the address is offered as well."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        jobs = access.visible(Job.objects.all(), request.user).order_by("queue")
        queues = set(jobs.values_list("queue", flat=True).distinct()[:MOST_QUEUES])
        asked = request.GET.get(self.parameter_name, "")
        return [(queue, queue) for queue in sorted(queues | ({asked} if asked else set()))]
