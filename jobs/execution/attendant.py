"""Runs beside a worker's pool, in its parent: registers the worker, settles at once what a dead child leaves behind,
and ends what a shutdown cannot wait for. Runs no job itself."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

from jobs.execution import registration, shared
from jobs.execution.children import Children
from jobs.execution.vitals import Drain, Post, Vitals
from jobs.recovery import loss
from jobs.recovery.loss import Orphan
from scheduler_project.lib import liveness, sql, telemetry
from scheduler_project.lib.loop import Loop

LOOK = timedelta(seconds=0.25)
SAME_WISH = 1.0  # seconds within which two signals mean one wish: to the process and to its group
LAST_LOOK = 5.0  # seconds that the end of the process may wait for the last look

OWN = f"SELECT {loss.COLUMNS} WHERE l.worker = %(worker)s"


class Attendant:
    def __init__(self, post: Post, children: Children, *, heartbeat: timedelta) -> None:
        self._post = post
        self._children = children
        self._vitals = Vitals(post, children)
        self._heartbeat = heartbeat.total_seconds()
        self._beat_at = 0.0
        self._must_sweep = True
        self._drain_asked_at: float | None = None
        self._drains_until: float | None = None
        self._runs: int | None = None
        self._is_ending = False
        self._ended = threading.Event()
        self._loop = Loop("attendant", self.look, interval=LOOK)

    def start(self) -> None:
        telemetry.emit("worker.started", worker=self._post.name, queues=", ".join(self._post.find_queues()))
        self._loop.start()

    # The next two run in signal handlers, so they take no lock and write no log.

    def drain(self, *, patience: timedelta) -> None:
        """From now on dead children's runs are handed back, and after `patience` the living ones are ended too.
        Asked again, there is no more patience."""
        now = time.monotonic()
        if self._drain_asked_at is None:
            self._runs = None
            self._drain_asked_at, self._drains_until = now, now + patience.total_seconds()
            self._beat_at = min(self._beat_at, now)  # so that it is seen at once
            shared.start_draining()
        elif now - self._drain_asked_at > SAME_WISH:
            self._drains_until = now

    def wait_until_drained(self) -> None:
        """Until no run is in progress, or patience is over."""
        while self._drains_until is not None and time.monotonic() < self._drains_until and self._runs != 0:
            time.sleep(0.05)

    def end(self) -> None:
        """A last look, once the children are gone, and the worker's own end in its row."""
        self._is_ending = True
        self._loop.wake()
        self._ended.wait(LAST_LOOK)
        self._loop.stop(patience=LOOK)

    # --- one turn, every quarter of a second ---

    def look(self) -> None:
        if self._ended.is_set():
            return
        liveness.prove("worker")
        self._vitals.listen()
        gone = self._children.take_gone()
        self._vitals.miss(gone)
        if gone or self._children.has_grown or self._is_draining or self._is_ending:
            self._must_sweep = True
        if time.monotonic() >= self._beat_at:
            self._beat()
            self._must_sweep = True  # for what happened while the database was away
        if self._must_sweep:
            self._sweep()
            self._must_sweep = False
        self._vitals.bury()
        if self._is_ending:
            registration.stop(self._post.name)
            telemetry.emit("worker.stopped", worker=self._post.name)
            self._ended.set()

    @property
    def _is_draining(self) -> bool:
        return self._drains_until is not None

    def _beat(self) -> None:
        if not self._beat_at:
            registration.forget_old()
        report = self._vitals.report(self._drain)
        with self._vitals.beating():
            registration.beat(
                self._post.name,
                queues=self._post.find_queues(),
                concurrency=self._post.find_concurrency(),
                report=report,
            )
        self._beat_at = time.monotonic() + self._heartbeat

    @property
    def _drain(self) -> Drain | None:
        if self._drain_asked_at is None or self._drains_until is None:
            return None
        return Drain(self._drain_asked_at, self._drains_until)

    def _sweep(self) -> None:
        owned = [Orphan.of(row) for row in sql.rows(OWN, {"worker": self._post.name})]
        alive = [run for run in owned if self._children.is_alive(run.pid)]
        for run in owned:
            if run not in alive:
                self._settle(run)
        if self._is_draining and self._runs is None:
            telemetry.emit("worker.draining", worker=self._post.name, runs=len(alive))
        self._runs = len(alive)
        if self._drains_until is not None and time.monotonic() >= self._drains_until:
            for run in alive:
                self._children.kill(run.pid)

    def _settle(self, run: Orphan) -> None:
        self._vitals.lose(run.pid)
        loss.settle(
            run,
            died_at=run.seen_at,
            how=f"Process {run.pid} of the worker {run.worker} died.",
            while_stopping=self._is_draining,
        )
