"""The switch of notifications: off, nothing is sent or pushed, while what would have been told is kept."""

from __future__ import annotations

from jobs import runtime_flags


def is_on() -> bool:
    """Asks no database."""
    return runtime_flags.notifications().value


def refusal() -> str:
    """Why nothing is sent; empty while they are on."""
    flag = runtime_flags.notifications()
    if flag.value:
        return ""
    return f"Notifications are switched off by {flag.variable}. Nothing is sent; what would have been told is kept."
