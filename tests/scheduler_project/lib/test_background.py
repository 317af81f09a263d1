"""Work in the background: bounded, many at once, in a thread that outlives what fails."""

from __future__ import annotations

import threading

import pytest

from scheduler_project.lib import background
from scheduler_project.lib.background import Background
from tests.live import wait_for


class TestBackground:
    def test_does_what_was_put_in_one_thread_of_its_own(self) -> None:
        done: list[tuple[int, str]] = []
        work = Background[int](
            "test", lambda items: done.extend((n, threading.current_thread().name) for n in items), most=9, at_once=2
        )
        assert [work.put(number) for number in range(5)] == [True] * 5
        wait_for(lambda: len(done) == 5, what="the work")
        assert done == [(number, "test") for number in range(5)]

    def test_has_room_for_so_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        done: list[list[int]] = []
        work = Background[int]("test", done.append, most=3, at_once=2)
        monkeypatch.setattr(work, "_start", lambda: None)
        assert [work.put(number) for number in range(4)] == [True, True, True, False]
        assert (work.is_full, work.turn(), work.turn(), work.turn()) == (True, 2, 1, 0)
        assert done == [[0, 1], [2]]

    def test_goes_on_after_a_failure_with_what_was_put_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(background, "PAUSE", 0.01)
        done: list[int] = []
        fails = [True]

        def do(items: list[int]) -> None:
            if fails and fails.pop():
                work.put_back(items)
                raise ValueError("no")
            done.extend(items)

        work = Background[int]("test", do, most=3, at_once=2)
        work.put(1)
        work.put(2)
        wait_for(lambda: done == [1, 2], what="the second try")

    def test_starts_again_in_a_process_that_was_forked(self) -> None:
        done: list[int] = []
        work = Background[int]("test", done.extend, most=3, at_once=2)
        ended = threading.Thread(target=lambda: None)
        ended.start()
        ended.join()
        work._thread = ended  # as a fork leaves it
        work.put(1)
        wait_for(lambda: done == [1], what="the work")
