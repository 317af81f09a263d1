"""What every page of the console shows of the viewer's inbox: how much is unread, and what may pop up."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from accounts import access
from accounts.scopes import Scope
from notifications import switch
from notifications.inbox import readers, reading
from notifications.rules.kinds import Severity
from scheduler_project.lib import sql

MOST_SHOWN = 99

# The place comes before the count: whatever changes after it is told, with a count of its own.
WANTED = """
SELECT (SELECT coalesce(max(id), 0) FROM ui_notification_changes) AS place,
       p.toasts_from, p.on_desktop, p.quiet_from, p.quiet_until, p.zone
FROM (SELECT) one LEFT JOIN notification_preferences p ON p.user_id = %(user)s
"""


@dataclass(frozen=True)
class Glance:
    unread: int
    place: int
    """The last change of inboxes that `unread` knows of."""
    toasts_from: str
    on_desktop: bool
    quiet: str
    """When nothing pops up: `22:00 07:00 Europe/Berlin`."""

    @property
    def badge(self) -> str:
        return f"{MOST_SHOWN}+" if self.unread > MOST_SHOWN else str(self.unread or "")

    @property
    def words(self) -> str:
        return f"Notifications, {self.unread:,} unread" if self.unread else "Notifications, none unread"


def of(request: HttpRequest) -> Glance | None:
    """None where there is no bell: for who may see no notifications, and while they are switched off."""
    if not switch.is_on() or not access.may_anywhere(request.user, Scope.NOTIFICATIONS_READ):
        return None
    (found,) = sql.rows(WANTED, {"user": request.user.pk}, prepare=False)
    quiet = found["quiet_from"] and f"{found['quiet_from']:%H:%M} {found['quiet_until']:%H:%M} {found['zone']}"
    return Glance(
        reading.unread_count(readers.of_user(request.user)),  # type: ignore[arg-type]
        found["place"],
        found["toasts_from"] or Severity.WARNING.value,
        bool(found["on_desktop"]),
        quiet or "",
    )
