"""On the page of an execution: the buttons of a run that waits for approval, and the steps of a cancelled one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path

from accounts import access
from accounts.scopes import Scope
from jobs import executions
from jobs.admin.jobs.columns import execution_url
from jobs.admin.jobs.operations import Caller
from jobs.models import Execution
from jobs.rules.states import ExecutionStatus, HeldFor
from jobs.tick import publisher
from scheduler_project.lib import sql

MOST_NOTE = 500


@dataclass(frozen=True)
class Step:
    """One line of what became of a wish to cancel; `at` is None for what has not happened yet."""

    text: str
    at: datetime | None


def waits_for_approval(row: Execution) -> bool:
    return row.status == ExecutionStatus.QUEUED and row.held_for == HeldFor.APPROVAL


def shown_state(row: Execution) -> str:
    """Its status, or that it waits for somebody."""
    return "held_for_approval" if waits_for_approval(row) else row.status


def cancel_steps(row: Execution) -> list[Step]:
    if row.cancel_requested_at is None or row.reason == "refused":
        return []
    who = row.cancel_requested_by.partition(":")[2] or row.cancel_requested_by or "somebody"
    steps = [Step(f"Cancelling asked for by {who}", row.cancel_requested_at)]
    if row.started_at is not None:
        is_deaf = row.cancel_seen_at is None and row.finished_at is not None
        heard = "The worker did not hear of it any more" if is_deaf else "Worker confirmed"
        steps.append(Step(heard, row.cancel_seen_at))
    word = "Ended" if row.finished_at is None else f"Ended as {row.status.replace('_', ' ')}"
    return [*steps, Step(word, row.finished_at)]


def context_of(request: HttpRequest, row: Execution) -> dict[str, Any]:
    waits = waits_for_approval(row)
    return {
        "waits_for_approval": waits,
        "may_approve": waits and access.may(request.user, Scope.SCHEDULER_APPROVE, row.tenant_id),
        "most_note": MOST_NOTE,
    }


class Approvals:
    """Mixed into the admin of executions."""

    admin_site: Any
    get_object: Any

    def approval_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:execution_id>/approve/", view(self.approve_view), name="jobs_execution_approve"),
            path("<int:execution_id>/refuse/", view(self.refuse_view), name="jobs_execution_refuse"),
        ]

    def approve_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        return self._decide(request, execution_id, is_approved=True)

    def refuse_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        return self._decide(request, execution_id, is_approved=False)

    def _decide(self, request: HttpRequest, execution_id: int, *, is_approved: bool) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row: Execution = self.get_object(request, str(execution_id))
        if not access.may(request.user, Scope.SCHEDULER_APPROVE, row.tenant_id):
            raise PermissionDenied("Your role does not allow you to approve or refuse runs.")
        by = Caller.of(request).actor
        try:
            if is_approved:
                executions.approve(row.pk, by=by, now=sql.now())
                publisher.announce_soon([row.pk])
            else:
                note = sql.text(request.POST.get("note", "").strip()[:MOST_NOTE])
                executions.refuse(row.pk, by=by, now=sql.now(), note=note)
        except executions.NotWaitingForApproval as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "Approved; it may start." if is_approved else "Refused; it will not run.")
        return HttpResponseRedirect(execution_url(row.pk))
