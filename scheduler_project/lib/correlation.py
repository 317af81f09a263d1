"""What the present work belongs to: fields that every log line written meanwhile carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_current: ContextVar[Mapping[str, Any]] = ContextVar("correlation", default=MappingProxyType({}))


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Add these fields for as long as the block runs. A thread that is started meanwhile does not inherit them."""
    token = _current.set({**_current.get(), **fields})
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Mapping[str, Any]:
    return _current.get()
