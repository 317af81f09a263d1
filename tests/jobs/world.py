"""A ledger in which time goes as fast as a test says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from jobs import ledger
from jobs.models import Job
from jobs.verification import verifier
from jobs.verification.report import Report
from scheduler_project.lib import sql, transactions

MakeJob = Callable[..., Job]
MINUTELY = {"kind": "interval", "every_seconds": 60, "anchor": "2026-01-01T00:00:00+00:00"}


class World:
    """A clock that stands still until it is moved, a scheduler that decides when it is told to, and the verifier."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def goes_on(self, **span: float) -> None:
        self.now += timedelta(**span)

    def decides(self, **span: float) -> None:
        """The time passes, and then the scheduler decides all that is due."""
        self.goes_on(**span)
        is_complete = False
        while not is_complete:
            with transactions.engine():
                is_complete = ledger.decide_due(now=self.now, epoch=1).is_complete

    def verified(self, **narrower: object) -> Report:
        return verifier.verify(now=self.now, **narrower)  # type: ignore[arg-type]

    def kinds(self) -> dict[str, int]:
        return dict(self.verified().sums.kinds)

    def outcomes(self) -> Counter[str]:
        return +self.verified().by_outcome()


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """It begins at a full hour of this month, so that its ticks fall into partitions that there are."""
    world = World(datetime.now(UTC).replace(day=2, hour=0, minute=0, second=0, microsecond=0))
    monkeypatch.setattr(sql, "now", lambda: world.now)
    return world
