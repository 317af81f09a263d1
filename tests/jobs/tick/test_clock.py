"""The watch over the database's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.models import SchedulerCandidate, Tick
from jobs.tick.clock import HOLD, Clock
from jobs.tick.leader import Leader
from jobs.tick.turn import CLOCK_IS_AHEAD, Turn
from scheduler_project.lib import telemetry
from tests.jobs.tick.test_turn import MakeJob, make_due

START = datetime(2026, 11, 21, 8, tzinfo=UTC)


class World:
    """A database's clock that can be set, and a monotonic one that cannot."""

    def __init__(self) -> None:
        self.passed = 100.0
        self.set_by = timedelta()
        self.clock = Clock(monotonic=lambda: self.passed)

    def look(self, *, after: float = 1.0, waiting: float = 0.0) -> None:
        """Ask for the time; the answer is read at the end of a wait for it."""
        self.passed += after
        asked_at = self.passed
        self.passed += waiting
        self.clock.see(START + timedelta(seconds=self.passed) + self.set_by, asked_at=asked_at)


@pytest.fixture
def jumps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was told of jumps, in seconds."""
    told: list[float] = []

    def listen(event: str, fields: dict[str, Any]) -> None:
        if event == "clock.jumped":
            told.append(round(fields["seconds"], 3))

    monkeypatch.setattr(telemetry, "_listeners", [listen])
    return told


class TestClock:
    def test_takes_no_notice_of_time_that_passes(self, jumps: list[float]) -> None:
        world = World()
        for after in (0.1, 3600, 5):
            world.look(after=after)
        assert (jumps, world.clock.is_held) == ([], False)

    def test_takes_no_slow_answer_for_a_jump(self, jumps: list[float]) -> None:
        """As when the process was suspended between the question and the answer."""
        world = World()
        for waiting in (0, 90, 0, 90):
            world.look(waiting=waiting)
        assert (jumps, world.clock.is_held) == ([], False)

    @pytest.mark.parametrize("seconds", [30, -30, -3600])
    def test_tells_of_a_jump_that_needs_no_care(self, jumps: list[float], seconds: float) -> None:
        world = World()
        world.look()
        world.set_by = timedelta(seconds=seconds)
        world.look()
        assert (jumps, world.clock.is_held) == ([seconds], False)

    def test_holds_after_a_jump_far_ahead_for_half_a_minute(self, jumps: list[float]) -> None:
        world = World()
        world.look()
        world.set_by = timedelta(hours=1)
        world.look()
        assert (jumps, world.clock.is_held) == ([3600], True)
        world.look(after=HOLD.total_seconds() - 1)
        assert world.clock.is_held
        world.look(after=2)
        assert not world.clock.is_held

    def test_goes_on_at_once_when_the_clock_is_set_back(self, jumps: list[float]) -> None:
        world = World()
        world.look()
        world.set_by = timedelta(hours=1)
        world.look()
        world.set_by = timedelta()
        world.look()
        assert (jumps, world.clock.is_held) == ([3600, -3600], False)


@pytest.mark.django_db
class TestHeldTurn:
    def test_decides_nothing_but_keeps_the_lead_and_says_why(
        self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_due(make_job())
        turn = Turn(Leader("a", ttl=timedelta(seconds=10)))
        with monkeypatch.context() as patch:
            patch.setattr(Clock, "is_held", True)
            turn.take()
            turn.take()
            assert turn.leader.is_leading
            assert not Tick.objects.exists()
            assert trouble() == CLOCK_IS_AHEAD
        turn.take()
        turn.take()
        assert Tick.objects.count() == 1
        assert trouble() == ""


def trouble() -> str:
    return SchedulerCandidate.objects.get().trouble
