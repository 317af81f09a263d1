"""Which of Celery's pools can keep what runs are promised: each needs a process that can be killed alone."""

from __future__ import annotations

from typing import Any

ALLOWED = "prefork"


def name_of(pool: Any) -> str:
    """Celery's word for a pool, from its class or whatever else was configured."""
    if isinstance(pool, str):
        return "prefork" if pool == "processes" else pool
    return str(getattr(pool, "__module__", pool)).rpartition(".")[2]


def refusals(pool: Any) -> list[str]:
    """Why no worker may run with this pool; nothing when it may."""
    name = name_of(pool)
    if name == ALLOWED:
        return []
    return [
        f"The pool {name} cannot end a run that is past its limit, since its runs share one process. "
        f"Start the worker with `--pool {ALLOWED}` or without the option."
    ]
