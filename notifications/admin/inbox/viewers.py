"""Who looks at an inbox in the console."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts import access
from accounts.scopes import Scope
from notifications.inbox import readers
from notifications.inbox.readers import Reader


def reader(request: HttpRequest) -> Reader:
    """Raises PermissionDenied."""
    if not access.may_anywhere(request.user, Scope.NOTIFICATIONS_READ):
        raise PermissionDenied(f"Notifications need the permission {Scope.NOTIFICATIONS_READ} in some tenant.")
    return readers.of_user(request.user)  # type: ignore[arg-type]
