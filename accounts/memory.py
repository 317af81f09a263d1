"""What this process remembers of credentials and members, for moments: bounded in number, and in age by one setting.

Another process learns of a change when its memory is as old as `DAYBOOK_CREDENTIAL_CACHE`; this one is told to forget.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import transaction

Value = TypeVar("Value")

_all: list[Memory[Any]] = []


class Memory(Generic[Value]):
    """By names that open nothing: digests and ids, never the text of a credential."""

    def __init__(self, *, most: int, seconds: float | None = None) -> None:
        self._most = most
        self._seconds = seconds  # when even shorter than the setting
        self._entries: OrderedDict[Hashable, tuple[float, Value]] = OrderedDict()
        self._times_forgotten = 0
        self._guard = threading.Lock()
        _all.append(self)

    def __len__(self) -> int:
        return len(self._entries)

    def recall(self, name: Hashable) -> Value | None:
        found = self._entries.get(name)
        if found is None or time.monotonic() - found[0] >= self._age():
            return None
        return found[1]

    def read(self, name: Hashable, question: Callable[[], Value | None]) -> Value | None:
        """Ask, and remember an answer that is not None from the moment of asking. What is forgotten meanwhile is not
        brought back by an answer that is under way."""
        asked_at, times_forgotten = time.monotonic(), self._times_forgotten
        answer = question()
        if answer is not None:
            with self._guard:
                if times_forgotten == self._times_forgotten:
                    self._entries[name] = (asked_at, answer)
                    self._entries.move_to_end(name)
                    while len(self._entries) > self._most:
                        self._entries.popitem(last=False)
        return answer

    def forget(self) -> None:
        with self._guard:
            self._times_forgotten += 1
            self._entries.clear()

    def _age(self) -> float:
        age: float = settings.DAYBOOK_CREDENTIAL_CACHE.total_seconds()
        return age if self._seconds is None else min(age, self._seconds)


def forget(*_: object, **__: object) -> None:
    """Forget everything, now and once more when the change is committed: others may read the old rows until then."""
    _forget_now()
    transaction.on_commit(_forget_now)


def _forget_now() -> None:
    for memory in _all:
        memory.forget()
