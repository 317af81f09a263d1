"""What the turn tells of itself: a row for each check cycle that decided something, and one a minute for idle ones."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import Error, transaction

from jobs import scheduler_events
from jobs.ledger import Decided, Planned
from jobs.rules.states import TickOutcome
from jobs.scheduler_events import Event
from scheduler_project.lib import sql

MINUTE = timedelta(minutes=1)
QUIET = 60.0  # seconds after a failure in which more of the same loop are only counted
# Losing the last idle cycles in a crash breaks no promise: they are in no counter either.
LATER = "SET LOCAL synchronous_commit = off"


def tell(decided: Decided, *, holder: str, epoch: int) -> None:
    """In the transaction of the decisions."""
    outcomes = Counter(decision.outcome.value for _, plan in decided.plans for decision in plan.decisions)
    words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    cycle = Event(
        "check_cycle",
        f"Decided {decided.ticks} ticks of {decided.jobs} jobs: {words}.",
        source=holder,
        data={"epoch": epoch, "jobs": decided.jobs, "ticks": decided.ticks, "fired": decided.fired, **outcomes},
    )
    scheduler_events.record([cycle, *_deviations(decided.plans)])


def _deviations(plans: Sequence[Planned]) -> Iterator[Event]:
    """One for each job and reason."""
    for job, plan in plans:
        found = Counter(
            (kind, decision.reason) for decision in plan.decisions if (kind := _kind(decision.outcome, decision.reason))
        )
        for (kind, reason), count in found.items():
            what = {"tick_late": "fired late", "misfire": "made up for by a later one"}.get(kind, "missed")
            text = f"{count} ticks of {job.name} {what}" + (f" ({reason})." if reason else ".")
            yield Event(kind, text, count=count, tenant_id=job.tenant_id, job_id=job.pk, data={"reason": reason})


def _kind(outcome: TickOutcome, reason: str) -> str:
    if outcome is TickOutcome.LATE:
        return "tick_late"
    if outcome is TickOutcome.MISSED:
        return "tick_missed"
    return "misfire" if outcome is TickOutcome.COALESCED else ""


class IdleCycles:
    """Counts the cycles in which nothing was due and writes them down once a minute, outside the turn's transaction."""

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._count = 0
        self._since = time.monotonic()

    def count(self) -> None:
        self._count += 1
        if time.monotonic() - self._since >= MINUTE.total_seconds():
            self.flush()

    def flush(self) -> None:
        """Best effort: what cannot be written is in no counter either."""
        count, self._count, self._since = self._count, 0, time.monotonic()
        if not count:
            return
        with suppress(Error), transaction.atomic():
            sql.rows(LATER)
            scheduler_events.record([Event("idle_cycles", "Nothing was due.", count=count, source=self._holder)])


class _Failures:
    """Of one loop: the first is told at once, what follows within a minute with the next one after it."""

    def __init__(self, loop: str) -> None:
        self._type = "turn_failed" if loop == "tick" else "sweep_failed"
        self._loop = loop
        self._untold = 0
        self._quiet_until = 0.0

    def tell(self, error: str) -> None:
        self._untold += 1
        if time.monotonic() < self._quiet_until:
            return
        _try([Event(self._type, f"{self._loop}: {error}", count=self._untold, source=self._loop)])
        self._untold, self._quiet_until = 0, time.monotonic() + QUIET


_failures: dict[str, _Failures] = {}


def overhear(event: str, fields: dict[str, Any]) -> None:
    """Listens to telemetry, for what is told where no transaction is open."""
    if event == "loop.failed":
        _failures.setdefault(fields["loop"], _Failures(fields["loop"])).tell(str(fields["error"]))
    elif event == "clock.jumped":
        words = f"The database's clock jumped by {fields['seconds']:.1f} s."
        _try([Event("clock_jumped", words, data={"seconds": fields["seconds"]})])


def _try(events: Sequence[Event]) -> None:
    with suppress(Error):  # a loop goes on while the database is away
        scheduler_events.record(events)
