"""Where the attendant meets Celery: a bootstep of the worker, the request class of `scheduler.run_job`, signals."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
from datetime import timedelta
from typing import Any

from billiard.exceptions import WorkerLostError
from celery import bootsteps, signals
from celery.worker import state
from celery.worker.components import Pool
from celery.worker.request import Request
from celery.worker.state import task_ready
from django.conf import settings

from jobs.backends.base import get_backend
from jobs.execution import pools, releases
from jobs.execution.attendant import Attendant
from jobs.execution.children import Children, lead_own_group
from jobs.execution.hearing import Hearing, Signs
from jobs.execution.identity import worker_name
from jobs.execution.vitals import Post
from scheduler_project.lib import telemetry
from scheduler_project.lib.loop import Loop

MAINTENANCE = 0.5  # seconds; the pool's own five let a dead child's slot stand empty
LISTEN_EVERY = timedelta(seconds=10)
KIB_PER_MB = 1024  # Celery counts a child's memory in KiB

_attendant: Attendant | None = None


class AttendantStep(bootsteps.StartStopStep):
    """Starts the attendant once the pool is up. It outlives the pool, to see the last child go."""

    requires = (Pool,)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        refusals = [*pools.refusals(worker.pool_cls), *releases.refusals()]
        if refusals:
            raise SystemExit("\n".join(["This worker does not start.", *refusals]))

    def start(self, worker: Any) -> None:
        global _attendant
        hearing, processes = _hearing(worker), Processes(worker)
        post = Post(
            name=worker_name(worker.hostname),
            find_queues=lambda: sorted(worker.app.amqp.queues.consume_from),
            find_concurrency=lambda: _size(worker),
            count_received=lambda: state.all_total_count[0],
            find_silence=lambda: hearing.silent_seconds,
            find_broker_absence=lambda: hearing.away_seconds,
            pool=pools.name_of(worker.pool_cls),
            max_tasks_per_child=worker.max_tasks_per_child,
            max_memory_mb=worker.max_memory_per_child and worker.max_memory_per_child // KIB_PER_MB,
        )
        children = Children(processes.pids, processes.find_exit)
        _attendant = Attendant(post, children, heartbeat=settings.DAYBOOK_HEARTBEAT)
        _drain_with(_attendant, worker)
        _attendant.start()
        Loop("hearing", lambda: _end_if_deaf(hearing, worker), interval=LISTEN_EVERY).start()

    def register_with_event_loop(self, worker: Any, hub: Any) -> None:
        hub.call_repeatedly(MAINTENANCE, worker.pool.maintain_pool)

    def stop(self, worker: Any) -> None:
        """Nothing yet: `atexit` ends the attendant, after the pool."""


class RunRequest(Request):
    """A run is settled in the database, by its process or by the attendant; Celery only has to let go of it."""

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        if isinstance(error, WorkerLostError):
            task_ready(self)
        else:
            super().on_failure(exc_info, send_failed_event, return_ok)

    def cancel(self, pool: Any, signal: Any = None, emit_retry: bool = True) -> None:
        """Celery cancels what still runs when a soft shutdown is over. The attendant ends it, and hands it back."""


def _drain_with(attendant: Attendant, worker: Any) -> None:
    """Let the attendant keep the time of a shutdown, whichever signal asked for it."""

    def wait_for_soft_shutdown() -> None:
        # Celery's own sleeps through the whole of it, even when nothing runs any more.
        attendant.drain(patience=_patience())
        attendant.wait_until_drained()

    worker.wait_for_soft_shutdown = wait_for_soft_shutdown
    signals.worker_shutting_down.connect(_drain)
    atexit.register(attendant.end)


class Processes:
    """The pool's children and, as far as the pool has seen their end, their exit codes."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._seen: dict[int, Any] = {}

    def pids(self) -> list[int]:
        with contextlib.suppress(AttributeError):  # once the pool has ended
            now = {process.pid: process for process in list(self._worker.pool._pool._pool)}
            self._seen |= now
            return list(now)
        return []

    def find_exit(self, pid: int) -> int | None:
        process = self._seen.get(pid)
        # Read, not polled: only the pool waits for its children.
        code: int | None = getattr(getattr(process, "_popen", None), "returncode", None)
        if code is not None:
            del self._seen[pid]
        return code


def _hearing(worker: Any) -> Hearing:
    return Hearing(
        Signs(
            count_received=lambda: state.all_total_count[0],
            has_free_slot=lambda: len(state.reserved_requests) < _size(worker),
            count_waiting=lambda: _waiting(worker),
        )
    )


def _drain(**_: Any) -> None:
    if _attendant is not None:
        _attendant.drain(patience=_patience())


def _patience() -> timedelta:
    return timedelta(seconds=settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT)


def _waiting(worker: Any) -> int:
    backend = get_backend()
    return sum(backend.waiting(queue) for queue in worker.app.amqp.queues.consume_from)


def _end_if_deaf(hearing: Hearing, worker: Any) -> None:
    if hearing.is_lost():
        telemetry.emit("worker.deaf", worker=worker_name(worker.hostname))
        os.kill(os.getpid(), signal.SIGTERM)


def _size(worker: Any) -> int:
    with contextlib.suppress(AttributeError):
        return int(worker.pool.num_processes)
    return 0


@signals.worker_process_init.connect
def _start_child(**_: Any) -> None:
    lead_own_group()
