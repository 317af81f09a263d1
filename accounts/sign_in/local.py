"""Counts of this process alone, for while Redis is away."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

MOST = 10_000


class Counts:
    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._guard = threading.Lock()

    def begin(self, places: Sequence[str], window: int) -> list[int]:
        """Of each place the count with this one, and the seconds until it begins anew."""
        found = []
        with self._guard:
            now = time.monotonic()
            for place in places:
                count, ends = self._counts.get(place, (0, 0.0))
                if ends <= now:
                    count, ends = 0, now + window
                self._counts[place] = (count + 1, ends)
                found += [count + 1, int(ends - now) + 1]
            while len(self._counts) > MOST:
                self._counts.popitem(last=False)
        return found

    def take_back(self, places: Sequence[str]) -> None:
        with self._guard:
            for place in places:
                if place in self._counts:
                    count, ends = self._counts[place]
                    self._counts[place] = (max(0, count - 1), ends)

    def forget(self) -> None:
        with self._guard:
            self._counts.clear()


counts = Counts()
