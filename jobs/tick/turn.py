"""One turn of the scheduler: keep the lead, decide what is due (T1), say how long to wait."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db.utils import InterfaceError, OperationalError

from jobs import ledger
from jobs.models import Job
from jobs.tick.leader import Leader, NotLeading
from scheduler_project.lib import liveness, telemetry, transactions

IDLE = timedelta(seconds=0.5)
STANDBY = timedelta(seconds=1)
TROUBLE = timedelta(seconds=1)
HELD = timedelta(seconds=0.1)  # a due job was passed by, since somebody holds its row


def candidate_name() -> str:
    """Unique per process, so that a restarted scheduler is a new candidate."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


class Turn:
    """Only this runs in the scheduler's loop, so that a loop that hangs loses its lead."""

    def __init__(self, leader: Leader | None = None, *, on_fired: Callable[[], None] = lambda: None) -> None:
        self.leader = leader or Leader(candidate_name(), ttl=settings.DAYBOOK_LEADER_LEASE)
        self._on_fired = on_fired

    def take(self) -> timedelta:
        """Do it, and return how long to wait for the next."""
        liveness.prove("scheduler")
        try:
            if not self.leader.keep():
                return min(STANDBY, self.leader.ttl / 4)
            return self._decide()
        except NotLeading:
            return timedelta()
        except Exception as error:  # noqa: BLE001  a loop outlives any one turn; what it caught is told
            transactions.forget_connection()
            words = str(error) if isinstance(error, OperationalError | InterfaceError) else repr(error)
            telemetry.emit("loop.failed", loop="tick", error=words.strip(), seconds=TROUBLE.total_seconds())
            return TROUBLE

    def _decide(self) -> timedelta:
        with transactions.engine():
            now = self.leader.fence()
            decided = ledger.decide_due(now=now, epoch=self.leader.epoch)
        if decided.ticks:
            telemetry.emit("tick.decided", jobs=decided.jobs, ticks=decided.ticks, fired=decided.fired)
        if decided.fired:
            self._on_fired()
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
