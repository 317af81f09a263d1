"""Filters of the list of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Count, F, Func, Q, QuerySet
from django.http import HttpRequest

from jobs.models import Job
from jobs.rules.states import ExecutionStatus, Origin
from templates_registry.models import TemplateVersion

LIVE = Q(archived_at=None)
STATES: dict[str, tuple[str, Q]] = {
    "active": ("Active", LIVE & Q(is_enabled=True, paused_at=None, problem="")),
    "paused": ("Paused", LIVE & Q(is_enabled=True, paused_at__isnull=False, problem="")),
    "disabled": ("Disabled", LIVE & Q(is_enabled=False, problem="")),
    "problem": ("Needs attention", LIVE & ~Q(problem="")),
    "archived": ("Archived", Q(archived_at__isnull=False)),
}


class FacetFilter(admin.SimpleListFilter):
    """A filter whose choices show their counts; choices that nothing falls into are left out."""

    everything = "All"
    _counts: dict[str, int] | None = None

    def get_facet_queryset(self, changelist: Any) -> dict[str, int]:
        if self._counts is None:
            self._counts = super().get_facet_queryset(changelist)
        return self._counts

    def choices(self, changelist: Any) -> Iterator[Any]:
        counts = self.get_facet_queryset(changelist) if changelist.add_facets else None
        for place, choice in enumerate(super().choices(changelist)):
            if place == 0:
                yield {**choice, "display": self.everything}
            elif counts is None or counts[f"{place - 1}__c"] or choice["selected"]:
                yield choice


class StateFilter(FacetFilter):
    """Archived jobs are history: they show only when asked for."""

    title = "state"
    parameter_name = "state"
    everything = "All but archived"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, label) for key, (label, _) in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        _, condition = STATES.get(self.value() or "", ("", LIVE))
        return queryset.filter(condition)


class OutcomeFilter(FacetFilter):
    title = "last result"
    parameter_name = "outcome"
    everything = "Any result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        at_rest = [status for status in ExecutionStatus if status not in ("queued", "running")]
        return [
            *((status.value, status.value.replace("_", " ").capitalize()) for status in at_rest),
            ("none", "Never ran"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        if not self.value():
            return queryset
        return queryset.filter(last_status="" if self.value() == "none" else self.value())


class TemplateFilter(FacetFilter):
    title = "template"
    parameter_name = "template"
    everything = "All templates"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = TemplateVersion.objects.order_by("name", "-version").values_list("name", "title")
        titles: dict[str, str] = {}
        for name, title in rows:
            titles.setdefault(name, title or name)
        return sorted(titles.items(), key=lambda item: item[1].casefold())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(template__name=self.value()) if self.value() else queryset


class QueueFilter(FacetFilter):
    title = "queue"
    parameter_name = "queue"
    everything = "All queues"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        queues = model_admin.get_queryset(request).order_by("queue").values_list("queue", flat=True).distinct()[:20]
        return [(queue, queue) for queue in queues]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(queue=self.value()) if self.value() else queryset


class TagFilter(FacetFilter):
    title = "tag"
    parameter_name = "tag"
    everything = "All tags"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        jobs = model_admin.get_queryset(request).filter(archived_at=None).select_related(None).order_by()
        tags = jobs.annotate(one=Func(F("tags"), function="unnest")).values("one").annotate(count=Count("pk"))
        return [(row["one"], row["one"]) for row in tags.order_by("-count", "one")[:20]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(tags__contains=[self.value()]) if self.value() else queryset


class OriginFilter(FacetFilter):
    title = "origin"
    parameter_name = "origin"
    everything = "Any origin"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        if not model_admin.get_queryset(request).filter(origin=Origin.ADOPTED).exists():
            return []
        return [(Origin.NATIVE.value, "Made here"), (Origin.ADOPTED.value, "Adopted from Celery beat")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(origin=self.value()) if self.value() else queryset


class TenantFilter(FacetFilter):
    title = "tenant"
    parameter_name = "tenant"
    everything = "All tenants"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = model_admin.get_queryset(request).order_by("tenant__name").values_list("tenant__slug", "tenant__name")
        tenants = list(rows.distinct()[:50])
        return tenants if len(tenants) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(tenant__slug=self.value()) if self.value() else queryset
