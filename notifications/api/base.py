"""What the views of this app share: its refusals as answers of the API."""

from __future__ import annotations

from typing import Any

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
