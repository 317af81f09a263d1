"""Asking for what may hang."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from scheduler_project.observability.lookup import Lookup, Overdue

SOON = timedelta(seconds=0.2)
LONG = timedelta(seconds=60)


class TestGet:
    def test_finds_out_once_for_many(self) -> None:
        calls: list[int] = []

        def find() -> int:
            calls.append(1)
            time.sleep(0.05)
            return len(calls)

        lookup = Lookup("test", find, keep=LONG)
        found: list[int] = []
        askers = [threading.Thread(target=lambda: found.append(lookup.get(patience=LONG))) for _ in range(8)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert found == [1] * 8

    def test_finds_out_again_when_the_answer_is_old(self) -> None:
        numbers = iter(range(10))
        lookup = Lookup("test", lambda: next(numbers), keep=timedelta())
        assert [lookup.get(patience=LONG) for _ in range(3)] == [0, 1, 2]

    def test_waits_no_longer_than_asked_and_starts_no_second_search(self) -> None:
        go_on = threading.Event()
        calls: list[int] = []

        def hang() -> str:
            calls.append(1)
            go_on.wait(10)
            return "found"

        lookup = Lookup("test", hang, keep=LONG)
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(Overdue, match="test has not answered for"):
                lookup.get(patience=SOON)
            assert time.monotonic() - started < 1
        go_on.set()
        assert lookup.get(patience=LONG) == "found"
        assert len(calls) == 1

    def test_raises_what_went_wrong_to_each_who_asks(self) -> None:
        lookup = Lookup("test", lambda: 1 // 0, keep=LONG)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                lookup.get(patience=LONG)
