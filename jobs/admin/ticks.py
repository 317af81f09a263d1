"""The ledger in the admin: what became of every due occurrence, and why."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin import reasons, why
from jobs.admin.chips import state_chip
from jobs.admin.history_list import HistoryAdmin, JobFilter
from jobs.admin.jobs.columns import execution_url, job_url
from jobs.explain import explain_tick
from jobs.models import Tick
from jobs.rules.states import TickOutcome
from scheduler_project.lib import markup


class OutcomeFilter(admin.SimpleListFilter):
    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("unfired", "Did not fire"), *((outcome.value, outcome.value.capitalize()) for outcome in TickOutcome)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "unfired":
            return queryset.filter(execution_id=None)
        return queryset.filter(outcome=self.value()) if self.value() else queryset


@admin.register(Tick)
class TickAdmin(HistoryAdmin):
    list_display = ("due", "job_link", "outcome_chip", "reason_words", "led_to", "decided", "revision", "explanation")
    list_filter = (OutcomeFilter, JobFilter)
    ordering_of_job = ("-due_at", "-id")

    @admin.display(description="Due")
    def due(self, tick: Tick) -> str | SafeString:
        return markup.moment(tick.due_at, now=timezone.now())

    @admin.display(description="Job")
    def job_link(self, tick: Any) -> SafeString:
        return format_html('<a href="{}">{}</a>', job_url(tick.job_id), tick.job_name or tick.job_id)

    @admin.display(description="Outcome")
    def outcome_chip(self, tick: Tick) -> SafeString:
        return state_chip(tick.outcome)

    @admin.display(description="Reason")
    def reason_words(self, tick: Tick) -> str:
        return reasons.in_words(tick.reason) if tick.reason else ""

    @admin.display(description="Execution")
    def led_to(self, tick: Tick) -> str | SafeString:
        if tick.execution_id is not None:
            return format_html('<a href="{}">{}</a>', execution_url(tick.execution_id), tick.execution_id)
        if tick.blocking_id is not None:
            return format_html('blocked by <a href="{}">{}</a>', execution_url(tick.blocking_id), tick.blocking_id)
        return ""

    @admin.display(description="Decided after")
    def decided(self, tick: Tick) -> str:
        return markup.duration((tick.decided_at - tick.due_at).total_seconds())

    @admin.display(description="Why")
    def explanation(self, tick: Tick) -> SafeString:
        path = reverse("admin:jobs_tick_change", args=[tick.pk])
        label = f"Why? The run due {tick.due_at.isoformat(timespec='seconds')}"
        return format_html('<a href="{}" aria-label="{}">Why?</a>', path, label)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        tick: Tick = self.get_object(request, object_id)
        return why.respond(request, self.admin_site.each_context(request), explain_tick(tick), Tick)
