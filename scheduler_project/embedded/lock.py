"""One start at a time for each state folder. The kernel frees the lock however its holder ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from scheduler_project.embedded.refusal import Refusal


def hold(state: Path) -> int:
    """Take the lock, or refuse naming its holder. It lasts as long as the returned descriptor is open."""
    descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode().strip() or "?"
        os.close(descriptor)
        raise Refusal(f"Daybook already runs from {state} (process {holder}): stop that one first.") from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
