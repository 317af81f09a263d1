"""What the views of this app share: its refusals as answers of the API."""

from __future__ import annotations

from typing import Any

from jobs.api.base import TenantEngineViewSet
from notifications.rulebook.changes import TooManyRules
from scheduler_project.api.errors import Conflict

CONFLICTS: dict[type[Exception], str] = {
    TooManyRules: "too_many_rules",
}


class NotificationsViewSet(TenantEngineViewSet):
    def handle_exception(self, exc: Exception) -> Any:
        code = CONFLICTS.get(type(exc))
        return super().handle_exception(Conflict(str(exc), code=code) if code else exc)
