"""Pytest plugin: the long tests come early in what each worker is given, and those of one module stay together.

xdist gives each worker one stretch of the list, and whoever is done takes the end of another's. So the ends hold quick
tests, and no worker goes on for minutes after the others. The workers begin with different kinds, since tests of many
processes would hinder each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby, islice

import pytest

LONG = ("acceptance", "browser")  # the markers


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        items[:] = spread(items, workers)


def spread(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The same items, one worker's stretch after the other."""
    long = [_modules(items, marker) for marker in LONG]
    quick = (item for item in items if _marker(item) is None)
    stretches = [_stretch(number, workers, len(items), long, quick) for number in range(workers)]
    return [*(item for stretch in stretches for item in stretch), *quick]


def _stretch(
    number: int, workers: int, total: int, long: list[list[list[pytest.Item]]], quick: Iterator[pytest.Item]
) -> list[pytest.Item]:
    blocks = [[item for module in modules[number::workers] for item in module] for modules in long]
    size = (total + number) // workers  # as the scheduler divides them
    room = max(0, size - sum(map(len, blocks)))
    blocks.append(list(islice(quick, room // 2)))
    first = number % len(blocks)
    early = [item for block in blocks[first:] + blocks[:first] for item in block]
    return early + list(islice(quick, room - room // 2))


def _modules(items: list[pytest.Item], marker: str) -> list[list[pytest.Item]]:
    marked = [item for item in items if _marker(item) == marker]
    return [list(module) for _, module in groupby(marked, key=lambda item: item.path)]


def _marker(item: pytest.Item) -> str | None:
    return next((marker for marker in LONG if item.get_closest_marker(marker)), None)
