"""A loop outlives what its turns raise, and ends when told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from scheduler_project.lib import telemetry
from scheduler_project.lib.loop import Loop


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    heard: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(telemetry, "_listeners", [lambda event, fields: heard.append((event, fields))])
    return heard  # type: ignore[return-value]


class TestLoop:
    def test_turns_until_it_is_stopped(self) -> None:
        turned = threading.Semaphore(0)
        loop = Loop("until stopped", turned.release, interval=timedelta(milliseconds=1))
        loop.start()
        assert all(turned.acquire(timeout=5) for _ in range(3))
        loop.stop()
        assert "until stopped" not in {thread.name for thread in threading.enumerate()}

    def test_turns_at_once_when_woken(self) -> None:
        turned = threading.Semaphore(0)
        loop = Loop("test", turned.release, interval=timedelta(hours=1))
        loop.start()
        assert turned.acquire(timeout=5)
        loop.wake()
        assert turned.acquire(timeout=5)
        loop.stop()

    def test_that_finishes_turns_once_more_when_it_is_stopped(self) -> None:
        turned = threading.Semaphore(0)
        loop = Loop("test", turned.release, interval=timedelta(hours=1), finishes=True)
        loop.start()
        assert turned.acquire(timeout=5)
        loop.stop()
        assert turned.acquire(blocking=False)

    def test_waits_longer_after_each_failure(self, told: list[tuple[str, dict[str, Any]]]) -> None:
        def fail() -> None:
            raise ValueError("no")

        loop = Loop("test", fail, interval=timedelta(seconds=0.5))
        waits = [loop.turn_once().total_seconds() for _ in range(2000)]
        assert (waits[:3], set(waits[3:])) == ([1, 2, 3], {3})
        assert told[0] == ("loop.failed", {"loop": "test", "error": "ValueError('no')", "seconds": 1.0})

    def test_returns_to_its_interval_after_a_success(self) -> None:
        outcomes = iter([ValueError("no"), None])

        def turn() -> None:
            if (error := next(outcomes)) is not None:
                raise error

        loop = Loop("test", turn, interval=timedelta(seconds=1))
        assert [loop.turn_once().total_seconds() for _ in range(2)] == [2, 1]
