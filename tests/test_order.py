"""How the tests are spread over the workers of a run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from tests.order import spread


@dataclass(frozen=True)
class Item:
    path: str
    number: int
    marker: str = ""

    def get_closest_marker(self, name: str) -> bool:
        return name == self.marker


ITEMS: list[Any] = [
    *(Item(f"rules/{number // 10}", number) for number in range(300)),
    *(Item(f"acceptance/{number // 2}", number, "acceptance") for number in range(30)),
    *(Item(f"browser/{number // 7}", number, "browser") for number in range(70)),
]


@pytest.mark.parametrize("workers", [2, 3, 4])
class TestSpread:
    def test_loses_no_test_and_doubles_none(self, workers: int) -> None:
        assert sorted(spread(ITEMS, workers), key=ITEMS.index) == ITEMS

    def test_puts_quick_tests_at_the_end_of_each_share(self, workers: int) -> None:
        size = len(ITEMS) // workers
        shares = [spread(ITEMS, workers)[number * size : (number + 1) * size] for number in range(workers)]
        for share in shares:
            assert {item.marker for item in share} == {"", "acceptance", "browser"}
            assert not any(item.marker for item in share[-size // 3 :])

    def test_keeps_modules_together(self, workers: int) -> None:
        paths = [item.path for item in spread(ITEMS, workers) if item.marker]
        changes = sum(one != other for one, other in pairwise(paths))
        assert changes + 1 == len(set(paths))


def test_bears_a_run_of_long_tests_alone() -> None:
    long = [item for item in ITEMS if item.marker]
    assert sorted(spread(long, 3), key=long.index) == long
