"""What a worker's parent notices about its worker, heartbeat by heartbeat, and how that is reported."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from jobs.execution import condition, memory, shared
from jobs.execution.children import Children, died_before_its_time
from jobs.execution.condition import REMEMBER_AWAY, Deaths, Findings
from jobs.execution.memory import Usage
from jobs.execution.registration import Report


@dataclass(frozen=True)
class Post:
    """What the attendant knows of its worker; the pool's size and queues may change while it runs."""

    name: str
    find_queues: Callable[[], Sequence[str]]
    find_concurrency: Callable[[], int]
    count_received: Callable[[], int] = lambda: 0
    find_silence: Callable[[], float] = lambda: 0.0
    """For how many seconds messages have waited and not come."""
    find_broker_absence: Callable[[], float] = lambda: 0.0
    """For how many seconds the broker has not answered."""
    pool: str = ""
    max_tasks_per_child: int | None = None
    max_memory_mb: int | None = None


@dataclass(frozen=True)
class Drain:
    """Since when the worker takes nothing new, and until when it waits for what runs (monotonic)."""

    since: float
    until: float


class Vitals:
    def __init__(self, post: Post, children: Children) -> None:
        self._post = post
        self._children = children
        self._received = 0
        self._heard_at: float | None = None
        self._beat_took = 0.0
        self._fails_since: float | None = None
        self._was_away, self._came_back_at = 0.0, 0.0
        self._deaths = Deaths()
        self._gone: set[int] = set()
        self._lost: set[int] = set()

    def listen(self) -> None:
        """Note whether a message has come."""
        received = self._post.count_received()
        if received != self._received:
            self._received, self._heard_at = received, time.monotonic()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Around the write of a heartbeat: how long the database takes for it, and since when it fails."""
        started = time.monotonic()
        try:
            yield
        except Exception:
            self._fails_since = self._fails_since or started
            raise
        ended = time.monotonic()
        self._beat_took = ended - started
        if self._fails_since is not None:
            self._was_away, self._came_back_at = ended - self._fails_since, ended
            self._fails_since = None

    def miss(self, gone: set[int]) -> None:
        """Note children that are gone."""
        self._gone |= gone

    def lose(self, pid: int) -> None:
        """Note that a run went with one of them. One that lived too shortly to be missed died before its time."""
        if pid in self._gone:
            self._lost.add(pid)
        else:
            self._deaths.note()

    def bury(self) -> None:
        """Count those that died before their time, once it is settled what they ran."""
        for pid in list(self._gone):
            code = self._children.find_exit(pid)
            if code is not None:
                if died_before_its_time(code, with_run=pid in self._lost):
                    self._deaths.note()
                self._gone.discard(pid)
                self._lost.discard(pid)

    def report(self, drain: Drain | None) -> Report:
        now = time.monotonic()
        sizes = memory.usage([os.getpid(), *sorted(self._children.known)])
        found = condition.judge(self._findings(now, sizes[1:]))
        return Report(
            pool=self._post.pool,
            max_tasks_per_child=self._post.max_tasks_per_child,
            max_memory_mb=self._post.max_memory_mb,
            health=found.health,
            trouble=found.trouble,
            heard_ago=None if self._heard_at is None else now - self._heard_at,
            runs_done=shared.runs_done(),
            memory=[size.to_json() for size in sizes],
            draining_for=None if drain is None else now - drain.since,
            drains_for=None if drain is None else max(drain.until - now, 0.0),
        )

    def _findings(self, now: float, children: Sequence[Usage]) -> Findings:
        largest = max(children, key=lambda size: size.rss, default=None)
        return Findings(
            beat_took=self._beat_took,
            database_away=self._was_away if now - self._came_back_at < REMEMBER_AWAY else 0.0,
            broker_away=self._post.find_broker_absence(),
            silent=self._post.find_silence(),
            deaths=self._deaths.count(),
            largest=None if largest is None else (largest.pid, largest.rss),
            limit_mb=self._post.max_memory_mb,
            share_of_container=memory.share_of_container(),
        )
