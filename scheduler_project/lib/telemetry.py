"""Say that something happened. Knows no log wording, no metric and no backend: listeners do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Listener = Callable[[str, dict[str, Any]], None]

_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Call `listener(event, fields)` for every event from now on; adding one twice changes nothing."""
    if listener not in _listeners:
        _listeners.append(listener)


def emit(event: str, **fields: Any) -> None:
    """Tell all listeners. `event` is dotted and past tense, e.g. `tick.decided`."""
    for listener in _listeners:
        listener(event, fields)
