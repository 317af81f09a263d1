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

from jobs.backends.base import BackendUnavailable, get_backend
from jobs.execution.attendant import Attendant, Post
from jobs.execution.children import Children, lead_own_group
from jobs.execution.hearing import Hearing, Signs
from jobs.execution.identity import worker_name
from scheduler_project.lib import telemetry
from scheduler_project.lib.loop import Loop

MAINTENANCE = 0.5  # seconds; the pool's own five let a dead child's slot stand empty
LISTEN_EVERY = timedelta(seconds=10)

_attendant: Attendant | None = None


class AttendantStep(bootsteps.StartStopStep):
    """Starts the attendant once the pool is up. It outlives the pool, to see the last child go."""

    requires = (Pool,)

    def start(self, worker: Any) -> None:
        global _attendant
        post = Post(
            name=worker_name(worker.hostname),
            find_queues=lambda: sorted(worker.app.amqp.queues.consume_from),
            find_concurrency=lambda: _size(worker),
        )
        _attendant = Attendant(post, Children(lambda: _pids(worker)), heartbeat=settings.DAYBOOK_HEARTBEAT)
        _drain_with(_attendant, worker)
        _attendant.start()
        _start_listening(worker)

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


def _start_listening(worker: Any) -> None:
    signs = Signs(
        count_received=lambda: state.all_total_count[0],
        has_free_slot=lambda: len(state.reserved_requests) < _size(worker),
        count_waiting=lambda: _waiting(worker),
    )
    hearing = Hearing(signs)
    Loop("hearing", lambda: _end_if_deaf(hearing, worker), interval=LISTEN_EVERY).start()


def _drain(**_: Any) -> None:
    if _attendant is not None:
        _attendant.drain(patience=_patience())


def _patience() -> timedelta:
    return timedelta(seconds=settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT)


def _pids(worker: Any) -> list[int]:
    with contextlib.suppress(AttributeError):  # once the pool has ended
        return list(worker.pool.info["processes"])
    return []


def _waiting(worker: Any) -> int:
    backend = get_backend()
    try:
        return sum(backend.waiting(queue) for queue in worker.app.amqp.queues.consume_from)
    except BackendUnavailable:
        return 0  # a broker that is away is no reason to end


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
