"""Work that nobody waits for: what is put in is done by a thread of this process, as much at once as has come."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from scheduler_project.lib import telemetry

Item = TypeVar("Item")

PAUSE = 1.0  # seconds after a failure


class Background(Generic[Item]):
    """Hands up to `at_once` of what waits to `do`, at most every `every` seconds. There is room for `most`. Of failures
    that are `awaited` nothing is told."""

    def __init__(
        self,
        name: str,
        do: Callable[[list[Item]], object],
        *,
        most: int,
        at_once: int,
        every: float = 0.0,
        awaited: tuple[type[Exception], ...] = (),
    ) -> None:
        self._name = name
        self._do = do
        self._most = most
        self._at_once = at_once
        self._every = every
        self._awaited = awaited
        self._waiting: deque[Item] = deque()
        self._filled = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= self._most

    def put(self, item: Item) -> bool:
        """Never waits. False when there is no room for it."""
        if self.is_full:
            return False
        self._waiting.append(item)
        self._filled.set()
        if self._thread is None or not self._thread.is_alive():  # a fork takes no threads along
            self._start()
        return True

    def put_back(self, items: list[Item]) -> None:
        """What could not be done goes before all others."""
        self._waiting.extendleft(reversed(items))

    def turn(self) -> int:
        """Do what waits, and return how much it was. Raises what `do` raises."""
        items: list[Item] = []
        while self._waiting and len(items) < self._at_once:
            items.append(self._waiting.popleft())
        if items:
            self._do(items)
        return len(items)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._filled.wait()
            self._filled.clear()
            try:
                while self.turn() == self._at_once:
                    pass
            except Exception as error:  # noqa: BLE001  the thread outlives any one turn; what it caught is told
                if not isinstance(error, self._awaited):
                    telemetry.emit("loop.failed", loop=self._name, error=repr(error), seconds=PAUSE)
                time.sleep(PAUSE)
                self._filled.set()
            else:
                time.sleep(self._every)
