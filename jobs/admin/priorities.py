"""The bulk action of the list of executions: another priority for those that wait."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.http import HttpRequest

from accounts import access
from accounts.scopes import Scope
from jobs import executions
from jobs.admin.jobs.operations import Caller
from jobs.rules.states import PRIORITIES
from jobs.tick import publisher
from scheduler_project.lib import sql

MOST_ANNOUNCED = 500  # at once; the leader announces the others


class PriorityActionForm(ActionForm):
    priority = forms.ChoiceField(
        choices=[(name, name.capitalize()) for name in PRIORITIES], initial="high", required=False, label="To"
    )


class Priorities:
    """Mixed into the admin of executions."""

    action_form = PriorityActionForm

    def has_run_permission(self, request: HttpRequest) -> bool:
        return access.may_anywhere(request.user, Scope.SCHEDULER_RUN)

    @admin.action(description="Change priority", permissions=["run"])
    def change_priority(self, request: HttpRequest, queryset: Any) -> None:
        priority = PRIORITIES.get(request.POST.get("priority", ""))
        if priority is None:
            messages.error(request, f"Choose one of {', '.join(PRIORITIES)}.")
            return
        open_ones = access.visible(queryset, request.user, Scope.SCHEDULER_RUN)
        changed = executions.change_priority_of(
            open_ones, priority=priority, by=Caller.of(request).actor, now=sql.now()
        )
        publisher.announce_soon(changed[:MOST_ANNOUNCED])
        if changed:
            noun = "execution" if len(changed) == 1 else "executions"
            messages.success(request, f"Changed the priority of {len(changed)} {noun} to {request.POST['priority']}.")
        else:
            messages.info(request, "None of them waits at another priority; nothing was changed.")
