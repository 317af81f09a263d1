"""What can be done to many jobs of the list: by the same operations as the API's, and every refusal is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts import access
from accounts.scopes import Scope
from jobs import bulk
from jobs.admin.jobs import transfers
from jobs.admin.jobs.columns import job_url
from jobs.admin.jobs.operations import Caller
from jobs.admin.lists.change_pages import Action
from jobs.admin.lists.many import ManyChanges, Selection
from jobs.models import Job
from jobs.rules.states import ListPage
from scheduler_project.lib import sql

MOST_TAGS, LONGEST_TAG = 20, 50

WRITE = Scope.SCHEDULER_WRITE
ACTIONS: dict[str, Action] = {
    "run": Action("Run", Scope.SCHEDULER_RUN, "Queued a run of {}.", "Each gets a run at once, beside its schedule."),
    "pause": Action(
        "Pause", WRITE, "Paused {}.", "What becomes due is recorded as skipped. What runs now goes on.", "note"
    ),
    "resume": Action("Resume", WRITE, "Resumed {}.", "They run again from the next time that they are due."),
    "enable": Action("Enable", WRITE, "Enabled {}.", "Their schedules are in force from now on."),
    "disable": Action("Disable", WRITE, "Disabled {}.", "Nothing is due while they are disabled.", "note"),
    "add_tags": Action("Add tags to", WRITE, "Tagged {}.", asks_for="tags", always_asks=True, short="Add tags…"),
    "remove_tags": Action(
        "Remove tags from", WRITE, "Took tags off {}.", asks_for="tags", always_asks=True, short="Remove tags…"
    ),
    "export": Action("Export", Scope.SCHEDULER_READ, "Exported {}."),
    "archive": Action(
        "Archive",
        WRITE,
        "Archived {}.",
        "An archived job neither runs nor changes any more, and cannot be brought back. What waits in the queue is "
        "cancelled; executions, ticks and revisions stay.",
        "note",
        always_asks=True,
        is_final=True,
    ),
}


class JobActions(ManyChanges):
    """Mixed into the admin of jobs."""

    list_page = ListPage.JOBS
    noun = "job"
    many_actions = ACTIONS

    def answer_at_once(self, request: HttpRequest, action: str, selection: Selection) -> HttpResponse | None:
        if action != "export":
            return None
        visible = access.visible(Job.objects.filter(archived_at=None), request.user, Scope.SCHEDULER_READ)
        rows = visible.filter(pk__in=[job.pk for job in selection.rows]).select_related("template", "tenant", "pool")
        return transfers.export(request, list(rows.order_by("name", "pk"))) or HttpResponseRedirect(
            self._list(request.GET.urlencode())
        )

    def apply_to_many(self, action: str, ids: list[int], wish: dict[str, Any], caller: Caller) -> list[bulk.Result]:
        meant = bulk.JobWish(
            actor=caller.actor, request_id=caller.request_id, note=wish.get("note", ""), tags=wish.get("tags", ())
        )
        return bulk.apply_to_jobs(action, ids, meant)

    def read_wish(self, action: str, request: HttpRequest) -> tuple[dict[str, Any], str]:
        wish, problem = super().read_wish(action, request)
        if ACTIONS[action].asks_for != "tags":
            return wish, problem
        tags = list(
            dict.fromkeys(filter(None, (tag.strip() for tag in sql.text(request.POST.get("tags", "")).split(","))))
        )
        if not tags:
            return wish, "Write at least one tag."
        if len(tags) > MOST_TAGS or max(map(len, tags)) > LONGEST_TAG:
            return wish, f"Write at most {MOST_TAGS} tags of {LONGEST_TAG} characters each."
        return {**wish, "tags": tags}, ""

    def name_of(self, row: Any) -> str:
        return str(row.name)

    def names_of(self, ids: Sequence[int]) -> dict[int, str]:
        return dict(Job.objects.filter(pk__in=ids).values_list("pk", "name"))

    def url_of(self, row_id: int) -> str:
        return job_url(row_id)
