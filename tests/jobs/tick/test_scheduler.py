"""The Celery beat class, without its process."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery import current_app

from jobs.tick.scheduler import LedgerScheduler
from jobs.tick.service import Service
from jobs.tick.turn import IDLE


@pytest.fixture
def scheduler() -> LedgerScheduler:
    scheduler = LedgerScheduler(current_app, lazy=True)
    scheduler.service = Service()
    return scheduler


class TestSignal:
    def test_in_the_middle_of_a_turn_ends_the_loop_although_its_own_exit_got_lost(
        self, scheduler: LedgerScheduler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stops: list[bool] = []

        def interrupted() -> timedelta:
            scheduler.close()  # what beat's handler calls before it raises SystemExit
            assert not stops, "It used the connection of the statement that it interrupted."
            return IDLE

        assert scheduler.service is not None
        monkeypatch.setattr(scheduler.service.turn, "take", interrupted)
        monkeypatch.setattr(scheduler.service, "stop", lambda: stops.append(True))
        with pytest.raises(SystemExit):
            scheduler.tick()
        scheduler.close()  # what beat calls after its loop
        assert stops
