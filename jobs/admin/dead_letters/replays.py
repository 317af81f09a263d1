"""Staged replays of dead letters in the admin: the list, and a page that shows how far one is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs import dead_letters
from jobs.admin.chips import state_chip
from jobs.admin.jobs.operations import Caller
from jobs.models import DeadLetterReplay, DeadLetterRun, Execution
from jobs.rules.states import ReplayStatus
from scheduler_project.lib import markup

SHOWN = 100


@admin.register(DeadLetterReplay)
class DeadLetterReplayAdmin(TenantAdmin[DeadLetterReplay]):
    list_display = ("number", "status_chip", "of_what", "asked_by", "started", "why")
    list_display_links = None
    list_filter = ("status",)
    list_select_related = ("job", "template")
    list_per_page = 50
    sortable_by = ()
    ordering = ("-id",)
    actions = None
    change_list_template = "jobs/dead_letters/replay_list.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Replays of dead letters", **(extra_context or {})})

    # --- columns ---

    @admin.display(description="No.")
    def number(self, row: DeadLetterReplay) -> SafeString:
        return format_html('<a class="row-link" href="{}">{}</a>', replay_url(row.pk), row.pk)

    @admin.display(description="Status")
    def status_chip(self, row: DeadLetterReplay) -> SafeString:
        return state_chip(shown_status(row))

    @admin.display(description="Of")
    def of_what(self, row: DeadLetterReplay) -> SafeString:
        name = row.job.name if row.job else row.template.title or row.template.name
        return format_html('{} <small class="below mono">{}</small>', name, row.error_class)

    @admin.display(description="Asked for by")
    def asked_by(self, row: DeadLetterReplay) -> str:
        return row.requested_by

    @admin.display(description="Started")
    def started(self, row: DeadLetterReplay) -> str | SafeString:
        return markup.moment(row.created_at, now=timezone.now())

    @admin.display(description="Why it ended")
    def why(self, row: DeadLetterReplay) -> str:
        return row.note

    # --- pages ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:replay_id>/live/", view(self.live_view), name="jobs_deadletterreplay_live"),
            path("<int:replay_id>/cancel/", view(self.cancel_view), name="jobs_deadletterreplay_cancel"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            **_facts(request, row),
            "title": str(row),
            "opts": DeadLetterReplay._meta,
        }
        return TemplateResponse(request, "jobs/dead_letters/replay_page.html", context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(replay_url(self.get_object(request, object_id).pk))

    def live_view(self, request: HttpRequest, replay_id: int) -> HttpResponse:
        row = self.get_object(request, str(replay_id))
        return TemplateResponse(request, "jobs/dead_letters/replay_live.html", _facts(request, row))

    def cancel_view(self, request: HttpRequest, replay_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self.get_object(request, str(replay_id))
        if not access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id):
            raise PermissionDenied("Your role does not allow you to cancel it.")
        try:
            dead_letters.cancel(row.pk, actor=Caller.of(request).actor)
        except dead_letters.ReplayHasEnded as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "Cancelled. What runs goes on to its end.")
        return HttpResponseRedirect(replay_url(row.pk))


def replay_url(replay_id: int) -> str:
    return reverse("admin:jobs_deadletterreplay_change", args=[replay_id])


def shown_status(row: DeadLetterReplay) -> str:
    """Of replays, `stopped` is bad news; of workers it is not."""
    return "halted" if row.status == ReplayStatus.STOPPED else row.status


def _facts(request: HttpRequest, row: DeadLetterReplay) -> dict[str, Any]:
    progress = dead_letters.progress_of([row.pk])[row.pk]
    runs = list(row.runs.select_related("letter").order_by("stage", "id")[:SHOWN])
    listed = Execution.objects.defer("parameters", "policy", "result")
    found = listed.in_bulk([run.execution_id for run in runs if run.execution_id is not None])
    is_running = row.status == ReplayStatus.RUNNING
    letter: DeadLetterRun | None = row.runs.order_by("id").first()
    return {
        "replay": row,
        "state": shown_status(row),
        "progress": progress,
        "ended": progress.succeeded + progress.failed + progress.cancelled,
        "stages": [
            {"number": number, "size": size, "is_current": is_running and number == row.stage}
            for number, size in enumerate(progress.stages, 1)
        ],
        "runs": [(run, found.get(run.execution_id or 0)) for run in runs],
        "is_running": is_running,
        "is_active": is_running or progress.queued + progress.running > 0,
        "may_cancel": is_running and access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id),
        "group_of": letter.letter_id if letter else None,
        "now": timezone.now(),
    }
