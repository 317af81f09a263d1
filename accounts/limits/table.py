"""The limits as this process knows them: read again every few seconds, beside the requests and never by one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings

from accounts.limits.models import RateLimit
from accounts.limits.rates import Algorithm, Entry, Rate
from scheduler_project.lib.loop import Loop

REREAD = timedelta(seconds=4)  # with the time that reading takes, everywhere within five seconds
FIRST = 1.0  # seconds that a process waits for its first reading


class Table:
    def __init__(self) -> None:
        self._rates: Mapping[Entry, Rate | None] = {}
        self._is_read = threading.Event()
        self._lock = threading.Lock()
        self._loop: Loop | None = None

    def rates(self) -> Mapping[Entry, Rate | None]:
        """A web process reads them in a thread of its own; any other knows what it has changed itself."""
        if settings.DAYBOOK_ROLE == "web" and self._loop is None:
            with self._lock:
                if self._loop is None:
                    self._loop = Loop("limits", self.read, interval=REREAD)
                    self._loop.start()
            self._is_read.wait(FIRST)
        return self._rates

    def read(self) -> None:
        self._rates = {(row.tenant_id, row.endpoint, row.level): rate_of(row) for row in RateLimit.objects.all()}
        self._is_read.set()

    def forget(self) -> None:
        self._rates = {}


def rate_of(row: RateLimit) -> Rate | None:
    if row.per_minute is None:
        return None
    return Rate(row.per_minute, row.burst or row.per_minute, Algorithm(row.algorithm))


TABLE = Table()
