"""Failures one after the other in small transactions, for as long as it blows; it outlives outages of the database."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Self

from django.db import Error, connection

from tests.notifications.fanout.storms import end

AT_ONCE, EVERY = 40, 0.05  # some 600 in a second on two busy cores


class Storm:
    def __init__(self, jobs: Sequence[int]) -> None:
        self._jobs = cycle(jobs)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._blow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(60)

    def _blow(self) -> None:
        while not self._is_over.wait(EVERY):
            try:
                end(list(islice(self._jobs, AT_ONCE)))
            except Error:
                connection.close()
        connection.close()
