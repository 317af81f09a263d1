"""One turn of the scheduler: keep the lead, decide what is due (T1), say how long to wait."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db.utils import Error, InterfaceError, OperationalError

from jobs import ledger
from jobs.models import Job
from jobs.tick import diary
from jobs.tick.candidate import Candidate
from jobs.tick.diary import IdleCycles
from jobs.tick.leader import Leader, NotLeading
from scheduler_project.lib import liveness, telemetry, transactions

IDLE = timedelta(seconds=0.5)
STANDBY = timedelta(seconds=1)
TROUBLE = timedelta(seconds=1)
HELD = timedelta(seconds=0.1)  # a due job was passed by, since somebody holds its row
CLOCK_IS_AHEAD = "The database's clock has jumped ahead. Nothing is decided for half a minute, should it be set back."
NO_ANSWER = ("08", "57P")  # classes of errors that a pooler or a server gives when it is not there to serve


def candidate_name() -> str:
    """Unique per process, so that a restarted scheduler is a new candidate."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


class Turn:
    """Only this runs in the scheduler's loop, so that a loop that hangs loses its lead."""

    def __init__(self, leader: Leader | None = None, *, on_fired: Callable[[], None] = lambda: None) -> None:
        self.leader = leader or Leader(candidate_name(), ttl=settings.DAYBOOK_LEADER_LEASE)
        self._candidate = Candidate(self.leader.holder)
        self._idle = IdleCycles(self.leader.holder)
        self._on_fired = on_fired
        self._trouble = ""
        self._good_at = time.monotonic()

    def take(self) -> timedelta:
        """Do it, and return how long to wait for the next."""
        try:
            leads = self.leader.keep(has_turned=not self._trouble)
            self._candidate.show(trouble=self._trouble, leads=leads)
            if leads and self.leader.clock.is_held:
                liveness.prove("scheduler")
                self._trouble = CLOCK_IS_AHEAD
                return IDLE
            wait = self._decide() if leads else min(STANDBY, self.leader.ttl / 4)
        except NotLeading:
            return timedelta()
        except Exception as error:  # noqa: BLE001  a loop outlives any one turn; what it caught is told
            return self._tell(error)
        self._trouble, self._good_at = "", time.monotonic()
        liveness.prove("scheduler")
        return wait

    def end(self) -> None:
        """Give the lead up and take the name off the list of candidates."""
        self._idle.flush()
        self.leader.release()
        self._candidate.leave()

    def _tell(self, error: Exception) -> timedelta:
        transactions.forget_connection()
        words = str(error) if isinstance(error, OperationalError | InterfaceError) else repr(error)
        self._trouble = words.strip()
        telemetry.emit("loop.failed", loop="tick", error=self._trouble, seconds=TROUBLE.total_seconds())
        if _is_without_answer(error):
            liveness.prove("scheduler")  # the loop turns; to start it anew would not bring the database back
            return TROUBLE
        with suppress(Error):
            self._candidate.show(trouble=self._trouble, leads=False)
            if self.leader.epoch and time.monotonic() - self._good_at > self.leader.ttl.total_seconds():
                # Whoever only fails loses the lead as if it hung: a standby may be able to.
                self._good_at = time.monotonic()
                self.leader.release()
                return 2 * STANDBY
        return TROUBLE

    def _decide(self) -> timedelta:
        with transactions.engine():
            now = self.leader.fence()
            decided = ledger.decide_due(now=now, epoch=self.leader.epoch)
            if decided.jobs:
                diary.tell(decided, holder=self.leader.holder, epoch=self.leader.epoch)
        if decided.ticks:
            telemetry.emit("tick.decided", jobs=decided.jobs, ticks=decided.ticks, fired=decided.fired)
        if decided.fired:
            self._on_fired()
        if not decided.jobs:
            self._idle.count()
        if not decided.is_complete:
            return timedelta()
        due_at = (
            Job.objects.filter(next_tick_at__isnull=False)
            .order_by("next_tick_at")
            .values_list("next_tick_at", flat=True)
            .first()
        )
        if due_at is None:
            return IDLE
        return min(IDLE, max(due_at - now, timedelta(milliseconds=10)) if due_at > now else HELD)


def _is_without_answer(error: Exception) -> bool:
    """Whether the database did not answer at all, so that no other process could do better."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(NO_ANSWER)
