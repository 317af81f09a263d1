"""A limit of time for judging schemas that anybody may write: the walks ask at each step; without one it is free."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[float | None] = ContextVar("schema_time_limit", default=None)


class OutOfTime(Exception):
    """The schema is too large or too tangled to be judged in the time that there is."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Whatever is judged inside raises `OutOfTime` when it takes longer: of the processor's time, not of the clock's,
    so that a busy machine refuses no schema."""
    reset = _ends_at.set(time.thread_time() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(reset)


@contextmanager
def free() -> Iterator[None]:
    """What is done inside is done once for all schemas, and takes nothing from the time of this one."""
    began_at = time.thread_time()
    yield
    ends_at = _ends_at.get()
    if ends_at is not None:
        _ends_at.set(ends_at + time.thread_time() - began_at)


def spend() -> None:
    """One step; raises `OutOfTime`."""
    ends_at = _ends_at.get()
    if ends_at is not None and time.thread_time() > ends_at:
        raise OutOfTime
