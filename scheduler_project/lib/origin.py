"""Where the work at hand comes from: which request of whom, a command, or the system itself."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    via: str = "system"  # api, admin, command, system
    address: str | None = None
    request_id: str = ""
    method: str = ""
    path: str = ""


SYSTEM = Origin()
current: ContextVar[Origin] = ContextVar("current_origin", default=SYSTEM)
