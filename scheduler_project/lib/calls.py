"""Calls of others, made by threads of their own: whoever asks for them waits for none, and takes what comes back."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Call = TypeVar("Call")
Came = TypeVar("Came")


class Calls(Generic[Call, Came]):
    """`make` is run by a thread for each call and never raises. One thread starts calls and takes what they bring."""

    def __init__(self, name: str, make: Callable[[Call], Came]) -> None:
        self._name = name
        self._make = make
        self._numbers = itertools.count()
        self._under_way: dict[int, Call] = {}
        self._back: queue.SimpleQueue[tuple[int, Came]] = queue.SimpleQueue()

    @property
    def under_way(self) -> Sequence[Call]:
        return list(self._under_way.values())

    def start(self, call: Call) -> None:
        """Each is a call of its own, also where an earlier one about the same has not been handed over yet."""
        number = next(self._numbers)
        self._under_way[number] = call
        # Daemons: a process that stops waits for nobody's answer.
        threading.Thread(target=self._run, args=(number, call), name=self._name, daemon=True).start()

    def take(self, store: Callable[[Sequence[tuple[Call, Came]]], object], *, wait: float) -> int:
        """Hand over those that are back; when none is, the next one, if it comes within `wait` seconds. Returns how
        many. Raises what `store` raises; they are handed over again then."""
        back = self._come(wait)
        if not back:
            return 0
        try:
            store([(self._under_way[number], came) for number, came in back])
        except Exception:
            for one in back:  # for the next turn; what was under way stays so
                self._back.put(one)
            raise
        for number, _ in back:
            del self._under_way[number]
        return len(back)

    def _run(self, number: int, call: Call) -> None:
        self._back.put((number, self._make(call)))

    def _come(self, wait: float) -> list[tuple[int, Came]]:
        back: list[tuple[int, Came]] = []
        try:
            back.append(self._back.get(timeout=wait) if wait else self._back.get_nowait())
            while True:
                back.append(self._back.get_nowait())
        except queue.Empty:
            return back
