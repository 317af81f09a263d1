"""The name under which a worker process registers, owns its runs and is looked up."""

from __future__ import annotations

import socket
import uuid

# Made in the parent, and inherited by the children that it forks. Node names alone are not unique: two containers may
# share a host name, and a restarted worker always shares the one of its predecessor.
INCARNATION = uuid.uuid4().hex[:6]


def worker_name(node: str) -> str:
    """Unique per worker process: the Celery node name and this incarnation of it."""
    return f"{node}:{INCARNATION}"


def child_worker_name(parent: int) -> str:
    """Of a process that runs one execution and ends; `parent` started it."""
    return f"execute@{socket.gethostname()}:{parent}"
