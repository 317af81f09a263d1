"""What the views of this app share: its refusals as answers of the API."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from accounts.scopes import Scope
from jobs.api.base import TenantEngineViewSet
from notifications.channels.changes import NothingToRotate, TooManyChannels
from notifications.channels.trials import NotificationsDisabled
from notifications.rulebook.changes import TooManyRules
from notifications.sending.redelivery import NothingToSendAgain
from scheduler_project.api.errors import Conflict

CONFLICTS: dict[type[Exception], str] = {
    NothingToRotate: "nothing_to_rotate",
    NothingToSendAgain: "nothing_to_redeliver",
    NotificationsDisabled: "notifications_disabled",
    TooManyChannels: "too_many_channels",
    TooManyRules: "too_many_rules",
}


class NotificationsViewSet(TenantEngineViewSet):
    def handle_exception(self, exc: Exception) -> Any:
        code = CONFLICTS.get(type(exc))
        return super().handle_exception(Conflict(str(exc), code=code) if code else exc)


def scope_for_oneself(request: Request) -> Scope:
    """For what concerns nobody but the caller: who is signed in may do it with what opens the inbox, while a program
    that may only read is not to change what a person sees and hears."""
    is_in_person = getattr(request.auth, "via", "") == "session"
    return Scope.NOTIFICATIONS_READ if is_in_person else Scope.NOTIFICATIONS_WRITE
