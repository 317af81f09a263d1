"""Of a run that failed: the buttons for one that waits for its next try, and its dead letter."""

from __future__ import annotations

from collections.abc import Callable
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
from jobs.models import DeadLetter, Execution
from jobs.rules.states import ExecutionStatus
from jobs.tick import publisher


def context_of(request: HttpRequest, row: Execution) -> dict[str, Any]:
    waits = row.status == ExecutionStatus.QUEUED and row.attempt > 0 and row.cancel_requested_at is None
    letters = DeadLetter.objects.filter(fingerprint=row.fingerprint, tenant_id=row.tenant_id)
    return {
        "may_retry": waits and access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id),
        "letter": DeadLetter.objects.filter(execution_id=row.pk).first(),
        "same_error": letters.exclude(execution_id=row.pk).count() if row.fingerprint else 0,
    }


class Retries:
    """Mixed into the admin of executions."""

    admin_site: Any
    get_object: Any

    def retry_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:execution_id>/retry-now/", view(self.retry_now_view), name="jobs_execution_retry_now"),
            path("<int:execution_id>/give-up/", view(self.give_up_view), name="jobs_execution_give_up"),
        ]

    def retry_now_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        return self._decide_on_retry(
            request, execution_id, _retry_now, "Its next try starts as soon as a worker is free."
        )

    def give_up_view(self, request: HttpRequest, execution_id: int) -> HttpResponse:
        return self._decide_on_retry(
            request, execution_id, executions.give_up, "Given up. It lies with the dead letters."
        )

    def _decide_on_retry(
        self, request: HttpRequest, execution_id: int, decide: Callable[..., None], done: str
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row: Execution = self.get_object(request, str(execution_id))
        if not access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id):
            raise PermissionDenied("Your role does not allow you to decide about its next try.")
        try:
            decide(row.pk, by=Caller.of(request).actor)
        except executions.NotWaitingForRetry as error:
            messages.error(request, str(error))
        else:
            messages.success(request, done)
        return HttpResponseRedirect(execution_url(row.pk))


def _retry_now(execution_id: int, *, by: str) -> None:
    executions.retry_now(execution_id, by=by)
    publisher.announce_soon([execution_id])
