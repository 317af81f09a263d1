"""Remembers what stored JSON meant: most jobs share their policies, many share schedules, and each turn reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

Value = TypeVar("Value")

MOST = 4096


def remembered(read: Callable[[Mapping[str, Any]], Value]) -> Callable[[Mapping[str, Any]], Value]:
    """`read`, called once for equal objects. Only for readers that return frozen values."""

    @lru_cache(maxsize=MOST)
    def read_pairs(pairs: tuple[tuple[str, Any], ...], types: tuple[type, ...]) -> Value:
        return read(dict(pairs))

    def read_stored(data: Mapping[str, Any]) -> Value:
        pairs = tuple(data.items())
        try:
            hash(pairs)
        except TypeError:  # a list or an object in it
            return read(data)
        return read_pairs(pairs, tuple(map(type, data.values())))  # for 1, 1.0 and True are equal

    return read_stored
