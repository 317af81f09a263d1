"""Where the work at hand comes from: which request of whom, a command, or the system itself."""

from __future__ import annotations

import getpass
import os
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


def by_command(name: str) -> str:
    """From here on, what is done is done by this command. Returns who gave it, as actors are called."""
    current.set(Origin("command", path=f"manage.py {name}"))
    return operator()


def operator() -> str:
    """The account of the operating system that runs this process."""
    try:
        return f"command:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's number without a name
        return f"command:{os.getuid()}"
