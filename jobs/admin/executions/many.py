"""What can be done to many executions of the list: by the same operations as the API's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from accounts.scopes import Scope
from jobs import bulk
from jobs.admin.jobs.columns import execution_url
from jobs.admin.jobs.operations import Caller
from jobs.admin.lists.change_pages import Action
from jobs.admin.lists.many import ManyChanges
from jobs.models import Execution
from jobs.rules.states import PRIORITIES, ListPage

RUN = Scope.SCHEDULER_RUN
ACTIONS: dict[str, Action] = {
    "cancel": Action(
        "Cancel",
        RUN,
        "Asked to cancel {}.",
        "What waits ends at once; what runs is asked to stop, and its worker answers within seconds.",
    ),
    "again": Action("Run again", RUN, "Queued {} again.", "Each gets a new run with the parameters that it had."),
    "retry_now": Action("Retry now", RUN, "Brought the next try of {} forward.", "For those that wait for a try."),
    "give_up": Action(
        "Give up", RUN, "Gave up {}.", "For those that wait for another try: they go to the dead letters."
    ),
    "priority": Action(
        "Change the priority of",
        RUN,
        "Changed the priority of {}.",
        "For those that wait in the queue.",
        asks_for="priority",
        always_asks=True,
        short="Priority…",
    ),
}


class ExecutionActions(ManyChanges):
    """Mixed into the admin of executions."""

    list_page = ListPage.EXECUTIONS
    noun = "execution"
    many_actions = ACTIONS

    def apply_to_many(self, action: str, ids: list[int], wish: dict[str, Any], caller: Caller) -> list[bulk.Result]:
        meant = bulk.ExecutionWish(
            actor=caller.actor, request_id=caller.request_id, priority=wish.get("priority", "normal")
        )
        return bulk.apply_to_executions(action, ids, meant)

    def read_wish(self, action: str, request: HttpRequest) -> tuple[dict[str, Any], str]:
        wish, problem = super().read_wish(action, request)
        if ACTIONS[action].asks_for != "priority":
            return wish, problem
        priority = request.POST.get("priority", "")
        return {
            **wish,
            "priority": priority,
        }, "" if priority in PRIORITIES else f"Choose one of {', '.join(PRIORITIES)}."

    def name_of(self, row: Any) -> str:
        return f"Execution {row.pk}"

    def names_of(self, ids: Sequence[int]) -> dict[int, str]:
        rows = Execution.objects.filter(pk__in=ids).values_list("pk", "job__name")
        return {pk: f"Execution {pk}{f' of {name}' if name else ''}" for pk, name in rows}

    def url_of(self, row_id: int) -> str:
        return execution_url(row_id)
