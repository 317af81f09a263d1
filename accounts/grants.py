"""Giving rights away: nobody gives what they do not hold, or for longer than they hold it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.scopes import Scope


class Excess(Exception):
    """Somebody wants to give more than they hold."""


@dataclass(frozen=True)
class Giver:
    """Who gives, and what they hold in the tenant at hand; `until` is when their own credential ends."""

    label: str
    scopes: frozenset[str]
    until: datetime | None = None
    is_superuser: bool = False
    user_id: int | None = None

    def check(self, scopes: Iterable[str], *, what: str) -> None:
        """Raises `Excess`."""
        excess = [] if self.is_superuser else sorted(set(scopes) - self.scopes)
        if excess:
            raise Excess(
                f"{what} needs {', '.join(excess)}, which {self.label} does not hold here. "
                "Leave that out, or let somebody do it who holds it."
            )


SYSTEM = Giver("system:command", frozenset(Scope.values), is_superuser=True)
