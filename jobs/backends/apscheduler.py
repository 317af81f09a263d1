"""Runs everything from one process on APScheduler, without a broker: one child process per execution."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from django.conf import settings
from django.db import connections

from jobs.backends.base import Announcement
from scheduler_project.lib import sql, telemetry

DRAIN = timedelta(seconds=60)
# A child that dies at once would be started again at once, for ever: each failure doubles the wait.
FIRST_REST, LONGEST_REST = 0.5, 60.0  # seconds

# In the order of a claim: the level, then the tenant with the fewest runs, then the one that waits longest.
CLAIMABLE = """
SELECT e.id FROM job_executions e
LEFT JOIN (SELECT tenant_id, count(*) AS runs FROM execution_leases GROUP BY tenant_id) AS busy USING (tenant_id)
WHERE e.status = 'queued' AND e.published_at IS NOT NULL AND e.available_at <= clock_timestamp()
  AND NOT (e.id = ANY(%(not_now)s))
  AND (e.max_instances IS NULL OR e.max_instances > (
      SELECT count(*) FROM execution_leases l WHERE l.job_id = e.job_id AND l.job_slot IS NOT NULL))
ORDER BY e.priority,
    coalesce(busy.runs, 0) + row_number() OVER (
        PARTITION BY e.priority, e.tenant_id ORDER BY e.available_at, e.id),
    e.available_at
LIMIT %(limit)s
"""


class ApschedulerBackend:
    """Nothing to announce to: the runner finds what waits in the database."""

    name = "apscheduler"

    def announce(self, announcements: Sequence[Announcement]) -> None:
        return

    def waiting(self, queue: str) -> int:
        return sys.maxsize  # nothing can get lost on a way that does not exist

    def is_provisioned(self) -> bool:
        return True


class Runner:
    """Starts `manage.py execute <id>` for what waits, at most `slots` at a time.

    A child process each, so that timeouts, cancel and the dead-man's timer hold as they do under Celery: an armed
    timer in a thread would kill the scheduler itself.
    """

    def __init__(
        self,
        *,
        slots: int,
        command: Sequence[str] = (sys.executable, "manage.py", "execute"),
        on_death: Callable[[int], None] = lambda pid: None,
    ) -> None:
        """`on_death` is told of each process that did not end well."""
        self._slots = slots
        self._on_death = on_death
        self._command = tuple(command)
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._rests: dict[int, _Rest] = {}
        self._lock = threading.Lock()
        self._is_draining = False
        self.scheduler = BackgroundScheduler(
            # The interval of a job that is still running passes without another one, silently.
            executors={"default": ThreadPoolExecutor(8)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        logging.getLogger("apscheduler").setLevel(logging.WARNING)

    def every(self, interval: timedelta, name: str, verb: Callable[[], object]) -> None:
        """Call `verb` at an interval; what it raises is told, and the next call comes as usual."""

        def guarded() -> None:
            try:
                verb()
            except Exception as error:  # noqa: BLE001  a loop outlives any one turn; what it caught is told
                connections.close_all()
                telemetry.emit("loop.failed", loop=name, error=repr(error), seconds=interval.total_seconds())

        self.scheduler.add_job(guarded, "interval", seconds=interval.total_seconds(), id=name, name=name)

    def dispatch(self) -> None:
        """Start children for what waits."""
        with self._lock:
            self._forget_ended()
            free = self._slots - len(self._children)
            if self._is_draining or free <= 0:
                return
            not_now = [*self._children, *self._resting()]
            for row in sql.rows(CLAIMABLE, {"not_now": not_now, "limit": free}):
                self._children[row["id"]] = self._start(row["id"])

    def drain(self) -> None:
        """Start no more and let the running ones end, for as long as a deploy waits; then the reaper has them."""
        self._is_draining = True
        ends_at = time.monotonic() + DRAIN.total_seconds()
        with self._lock:
            children = list(self._children.values())
        for child in children:
            try:
                child.wait(max(ends_at - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                _kill_group(child.pid)  # with the programs that its template started
                child.wait()
            if child.returncode:
                self._on_death(child.pid)

    def _start(self, execution_id: int) -> subprocess.Popen[bytes]:
        telemetry.emit("execution.dispatched", execution_id=execution_id, queue="a child process")
        return subprocess.Popen(  # noqa: S603
            [*self._command, str(execution_id)], cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def _forget_ended(self) -> None:
        ended = {key: child for key, child in self._children.items() if child.poll() is not None}
        for execution_id, child in ended.items():
            del self._children[execution_id]
            _kill_group(child.pid)  # a process that was killed took nothing along of what its template had started
            if code := child.returncode:
                rest = _Rest.after(self._rests.get(execution_id))
                self._rests[execution_id] = rest
                telemetry.emit("execution.child_failed", execution_id=execution_id, code=code, seconds=rest.seconds)
                self._on_death(child.pid)
            else:
                self._rests.pop(execution_id, None)

    def _resting(self) -> list[int]:
        now = time.monotonic()
        # Kept for a while after its end, so that the next failure waits longer than the last.
        self._rests = {key: rest for key, rest in self._rests.items() if now < rest.until + 2 * LONGEST_REST}
        return [key for key, rest in self._rests.items() if now < rest.until]


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


@dataclass(frozen=True)
class _Rest:
    """How long an execution waits since its child died."""

    seconds: float
    until: float

    @classmethod
    def after(cls, before: _Rest | None) -> _Rest:
        seconds = FIRST_REST if before is None else min(before.seconds * 2, LONGEST_REST)
        return cls(seconds, time.monotonic() + seconds)
