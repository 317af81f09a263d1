"""Calls by threads of their own: none is waited for, and none of their answers is lost."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from scheduler_project.lib.calls import Calls
from tests.live import wait_for


class TestCalls:
    def test_hand_over_what_is_back_and_go_on_with_the_rest(self) -> None:
        over = threading.Event()

        def make(number: int) -> int:
            if number == 2:
                over.wait(20)
            return number * 10

        calls: Calls[int, int] = Calls("test", make)
        assert calls.take(lambda back: None, wait=0) == 0
        for number in (1, 2, 3):
            calls.start(number)
        seen: list[tuple[int, int]] = []
        wait_for(lambda: calls.take(seen.extend, wait=0.05) >= 0 and len(seen) == 2, what="two of three")
        assert sorted(seen) == [(1, 10), (3, 30)]
        assert calls.under_way == [2]
        assert calls.take(seen.extend, wait=0.01) == 0
        over.set()
        assert calls.take(seen.extend, wait=10) == 1
        assert (seen[-1], calls.under_way) == ((2, 20), [])

    def test_hand_over_again_what_could_not_be_stored(self) -> None:
        calls: Calls[str, str] = Calls("test", str.upper)
        calls.start("a")

        def fail(back: Sequence[tuple[str, str]]) -> None:
            raise OSError("full")

        with pytest.raises(OSError, match="full"):
            calls.take(fail, wait=10)
        assert calls.under_way == ["a"]
        seen: list[tuple[str, str]] = []
        assert calls.take(seen.extend, wait=10) == 1
        assert (seen, calls.under_way) == ([("a", "A")], [])

    def test_are_told_apart_where_two_are_about_the_same(self) -> None:
        over = threading.Event()
        calls: Calls[str, bool] = Calls("test", lambda text: over.wait(20))
        calls.start("a")
        calls.start("a")
        over.set()
        seen: list[tuple[str, bool]] = []
        wait_for(lambda: calls.take(seen.extend, wait=0.05) >= 0 and len(seen) == 2, what="both")
        assert (seen, calls.under_way) == ([("a", True), ("a", True)], [])
