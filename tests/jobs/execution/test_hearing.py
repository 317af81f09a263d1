"""When a worker counts as deaf, and when not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs.backends.base import BackendUnavailable
from jobs.execution.hearing import Hearing, Signs


class World:
    """A worker with a free slot and one message that does not come."""

    def __init__(self) -> None:
        self.now, self.received, self.free, self.waiting = 100.0, 5, True, 1
        signs = Signs(lambda: self.received, lambda: self.free, lambda: self.waiting)
        self.hearing = Hearing(signs, patience=timedelta(seconds=60), clock=lambda: self.now)

    def looks(self, count: int, *, every: float = 10) -> list[bool]:
        answers = []
        for _ in range(count):
            answers.append(self.hearing.is_lost())
            self.now += every
        return answers


@pytest.fixture
def world() -> World:
    return World()


class TestIsLost:
    def test_after_a_minute_of_silence(self, world: World) -> None:
        assert world.looks(8) == [False] * 7 + [True]

    def test_never_while_messages_come(self, world: World) -> None:
        for _ in range(20):
            world.received += 1
            assert world.looks(1) == [False]

    def test_never_while_it_is_busy(self, world: World) -> None:
        world.free = False
        assert True not in world.looks(20)

    def test_never_while_nothing_waits(self, world: World) -> None:
        world.waiting = 0
        assert True not in world.looks(20)

    def test_counts_anew_after_one_look_that_speaks_against_it(self, world: World) -> None:
        world.looks(6)
        world.waiting = 0
        world.looks(1)
        world.waiting = 1
        assert world.looks(7) == [False] * 6 + [True]


class TestAwaySeconds:
    def test_counts_from_the_first_look_that_failed(self, world: World) -> None:
        def refuse() -> int:
            raise BackendUnavailable("The broker cannot be reached.")

        hearing = Hearing(Signs(lambda: 5, lambda: True, refuse), clock=lambda: world.now)
        assert hearing.away_seconds == 0
        assert not hearing.is_lost()
        world.now += 30
        assert not hearing.is_lost()
        assert (hearing.away_seconds, hearing.silent_seconds) == (30, 0)
