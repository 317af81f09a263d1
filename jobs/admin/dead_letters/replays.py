"""Staged replays of dead letters in the admin: the list, and a page that shows how far one is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import dead_letters
from jobs.admin.chips import state_chip
from jobs.admin.many_runs import SHOWN, ManyRunsAdmin, progress_facts
from jobs.models import DeadLetterReplay, DeadLetterRun
from jobs.rules.states import ReplayStatus


@admin.register(DeadLetterReplay)
class DeadLetterReplayAdmin(ManyRunsAdmin):
    list_display = ("number", "status_chip", "of_what", "asked_by", "started", "why")
    list_select_related = ("job", "template")
    list_title = "Replays of dead letters"
    change_list_template = "jobs/dead_letters/replay_list.html"
    page_template = "jobs/dead_letters/replay_page.html"
    live_template = "jobs/dead_letters/replay_live.html"
    has_ended = dead_letters.ReplayHasEnded

    def cancel(self, row_id: int, *, actor: str) -> None:
        dead_letters.cancel(row_id, actor=actor)

    # --- columns ---

    @admin.display(description="Status")
    def status_chip(self, row: DeadLetterReplay) -> SafeString:
        return state_chip(shown_status(row))

    @admin.display(description="Of")
    def of_what(self, row: DeadLetterReplay) -> SafeString:
        name = row.job.name if row.job else row.template.title or row.template.name
        return format_html('{} <small class="below mono">{}</small>', name, row.error_class)

    @admin.display(description="Why it ended")
    def why(self, row: DeadLetterReplay) -> str:
        return row.note

    # --- the page ---

    def facts(self, request: HttpRequest, row: DeadLetterReplay) -> dict[str, Any]:
        progress, is_running = dead_letters.progress_of([row.pk])[row.pk], row.status == ReplayStatus.RUNNING
        runs = row.runs.select_related("letter").order_by("stage", "id")[:SHOWN]
        letter: DeadLetterRun | None = row.runs.order_by("id").first()
        return {
            **progress_facts(request, row, progress, runs, is_running=is_running),
            "replay": row,
            "state": shown_status(row),
            "stages": [
                {"number": number, "size": size, "is_current": is_running and number == row.stage}
                for number, size in enumerate(progress.stages, 1)
            ],
            "group_of": letter.letter_id if letter else None,
        }


def replay_url(replay_id: int) -> str:
    return reverse("admin:jobs_deadletterreplay_change", args=[replay_id])


def shown_status(row: DeadLetterReplay) -> str:
    """Of replays, `stopped` is bad news; of workers it is not."""
    return "halted" if row.status == ReplayStatus.STOPPED else row.status
