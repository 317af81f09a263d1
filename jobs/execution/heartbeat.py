"""Keeps a run owned while its template works: renews the lease, re-arms the watchdog, stores the log, enforces limits.

In a thread of the job's own process, so that a process that stands still renews nothing.
"""

from __future__ import annotations

import os
import signal
import threading
import time

from django.conf import settings
from django.db import connection

from jobs import executions
from jobs.execution import pulse
from jobs.execution.interrupts import Cancelled, Interrupted, Interrupts, SoftTimeout
from jobs.execution.pulse import Pulse
from jobs.execution.run_context import ExecutionContext
from jobs.execution.watchdog import Watchdog
from jobs.executions import Claim, Ending
from jobs.rules.states import FINISHED, AttemptOutcome
from jobs.tick import publisher, successors
from scheduler_project.lib import telemetry

CANCEL_GRACE = 5.0  # seconds between asking a template to stop and stopping its process
LOG_DELAY = 0.5  # seconds that log lines may wait for more of them
KERNEL_DELAY = 1.0  # the timer fires this much after the hard limit, so that this thread can say why first
RETRY = 0.5  # seconds between tries to reach the database


class Heartbeat:
    def __init__(self, claim: Claim, context: ExecutionContext, interrupts: Interrupts, *, claimed_at: float) -> None:
        self._claim = claim
        self._context = context
        self._interrupts = interrupts
        self._limit_at = claimed_at + claim.policy.timeout_seconds
        soft = claim.policy.soft_timeout_seconds
        self._soft_at = None if soft is None else claimed_at + soft
        self._cancel_at: float | None = None
        self._every = min(settings.DAYBOOK_HEARTBEAT.total_seconds(), claim.lease.total_seconds() / 4)
        self._beat_at = claimed_at + self._every
        self.watchdog = Watchdog(lease_seconds=claim.lease.total_seconds(), limit_at=self._limit_at + KERNEL_DELAY)
        self._ended = threading.Event()
        # Whoever holds it may settle: the main thread when the template has ended, or this one when it must not go on.
        self._last_word = threading.Lock()
        self._flush_at: float | None = None
        self._pulse: Pulse | None = None
        self._has_worked = False
        self.wake = threading.Event()

    def start(self, *, proven_at: float) -> None:
        self.watchdog.arm(proven_at=proven_at)
        self._pulse = pulse.of_this_process()
        self._pulse.begin(self)
        self._context.log_changed = self.wake

    def stop_watching_the_template(self) -> None:
        """The template has ended; from here on only the lease is kept, until `stop`."""
        self._last_word.acquire()

    def stop(self) -> None:
        self.watchdog.disarm()
        self._ended.set()
        if self._pulse is not None:
            self._pulse.end(has_worked=self._has_worked)

    def next_at(self) -> float:
        instants = (self._beat_at, self._soft_at, self._limit_at, self._cancel_at, self._flush_at)
        return min(at for at in instants if at is not None)

    def step(self) -> None:
        now = time.monotonic()
        try:
            if now >= self._limit_at:
                self._end(
                    AttemptOutcome.TIMED_OUT, f"Ran longer than its limit of {self._claim.policy.timeout_seconds} s."
                )
            if self._cancel_at is not None and now >= self._cancel_at:
                self._end(AttemptOutcome.CANCELLED, "")
            if self._soft_at is not None and now >= self._soft_at:
                self._soft_at = None
                self._interrupt(SoftTimeout)
            if now >= self._beat_at:
                self._has_worked = True
                self._beat(now)
            if not self._ended.is_set():
                self._flush(now)
        except Exception as error:  # noqa: BLE001  whatever it was, a run without a heartbeat would be killed
            # The watchdog counts on meanwhile: no proof, no life.
            connection.close()
            loop = f"heartbeat-{self._claim.execution_id}"
            telemetry.emit("loop.failed", loop=loop, error=repr(error), seconds=RETRY)
            self._beat_at = time.monotonic()
            self._ended.wait(RETRY)

    def _flush(self, now: float) -> None:
        """Store log lines, a little later than they came, or with the next one that comes meanwhile."""
        if self._flush_at is not None and now >= self._flush_at:
            self._has_worked = True
            self._context.flush_log()
            self._flush_at = None
        if self._flush_at is None and self._context.has_lines():
            self._flush_at = now + LOG_DELAY

    def _beat(self, now: float) -> None:
        if (fault := self.watchdog.find_fault()) and not self._ended.is_set():
            words = f"The template {fault}, so nothing would have ended it in time; it was stopped."
            self._end(AttemptOutcome.FAILED, words, "Unguardable", reason="unguardable")
        cancel_requested = executions.renew(self._claim, progress=self._context.take_progress())
        if self._ended.is_set():
            return
        if cancel_requested is None:
            if self._last_word.acquire(blocking=False):
                self._die()  # another owner has the run: nothing that this process does counts any more
            self._beat_at = float("inf")  # the main thread has settled, or learns the same when it does
            return
        self.watchdog.arm(proven_at=now)
        self._beat_at = now + self._every
        if cancel_requested and not self._context.is_cancelled():
            self._context.cancel()
            self._cancel_at = now + CANCEL_GRACE
            try:
                executions.confirm_cancel(self._claim)  # before the run may end, or its end would come first
            finally:
                self._interrupt(Cancelled)

    def _interrupt(self, error: type[Interrupted]) -> None:
        if self._last_word.acquire(blocking=False):
            self._interrupts.send(error)
            self._last_word.release()

    def _end(self, outcome: AttemptOutcome, words: str, error_class: str = "", *, reason: str = "") -> None:
        """Settle for a template that does not stop, then stop the process."""
        if not self._last_word.acquire(blocking=False):
            self._limit_at = self._cancel_at = float("inf")
            return  # it has ended by itself in this very moment, and the main thread settles
        try:
            self._context.flush_log()
            ending = Ending(outcome, error=words, error_class=error_class, may_retry=not error_class, reason=reason)
            settled = settle(self._claim, ending)
        except BaseException:
            self._last_word.release()  # the next try takes it again; until then the template may end by itself
            raise
        if settled is not None:
            publisher.publish_freed(settled)
            if self._claim.has_successors and settled.status in FINISHED:
                successors.release(self._claim.execution_id)
        self._die()

    @staticmethod
    def _die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def settle(claim: Claim, ending: Ending) -> executions.Settled | None:
    return executions.settle(
        ending,
        execution_id=claim.execution_id,
        fence=claim.fence,
        policy=claim.policy,
        tries=claim.tries,
        losses=claim.losses,
    )
