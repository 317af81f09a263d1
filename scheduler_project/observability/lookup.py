"""A value found out in a thread of its own, one at a time, so that whoever asks waits only as long as he wants."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Overdue(Exception):
    """It has not been found out in time; the search goes on."""


@dataclass
class _Search(Generic[Found]):
    started_at: float = field(default_factory=time.monotonic)
    ended_at: float | None = None
    value: Found | None = None
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def outcome(self) -> Found:
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # set whenever there is no error


class Lookup(Generic[Found]):
    """Calls `find` when its last answer is older than `keep`. However many ask, and however long it hangs, there is one
    thread at work."""

    def __init__(self, name: str, find: Callable[[], Found], *, keep: timedelta) -> None:
        self._name = name
        self._find = find
        self._keep = keep.total_seconds()
        self._lock = threading.Lock()
        self._search: _Search[Found] | None = None

    def get(self, *, patience: timedelta) -> Found:
        """The answer, at most `keep` old. Raises what `find` raised, or `Overdue`."""
        search = self.start()
        if not search.done.wait(patience.total_seconds()):
            raise Overdue(f"{self._name} has not answered for {time.monotonic() - search.started_at:.1f} s")
        return search.outcome()

    def start(self) -> _Search[Found]:
        """Begin, unless a search is under way or the last answer is still good; wait for nothing."""
        with self._lock:
            last = self._search
            if last is not None and (last.ended_at is None or time.monotonic() - last.ended_at < self._keep):
                return last
            search = self._search = _Search()
            threading.Thread(target=self._run, args=(search,), name=f"lookup-{self._name}", daemon=True).start()
            return search

    def _run(self, search: _Search[Found]) -> None:
        try:
            search.value = self._find()
        except Exception as error:  # noqa: BLE001  it is raised again for each who asks
            search.error = error
        finally:
            search.ended_at = time.monotonic()
            search.done.set()
