"""Proves to a container's health check that a loop still turns, by touching a file: not every process serves HTTP."""

from __future__ import annotations

import contextlib
import time

from django.conf import settings

EVERY = 5.0  # seconds between touches at most

_proven_at: dict[str, float] = {}


def prove(name: str) -> None:
    """Touch `<DAYBOOK_LIVENESS_FOLDER>/<name>`; without that setting nothing happens. Never fails: a full disk is no
    reason to stop deciding ticks."""
    folder = settings.DAYBOOK_LIVENESS_FOLDER
    now = time.monotonic()
    if folder is None or now - _proven_at.get(name, -EVERY) < EVERY:
        return
    _proven_at[name] = now
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
