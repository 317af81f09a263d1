"""What a worker's parent and its children tell each other, in memory that they share: whether the worker drains, and
how many runs have ended. No lock is needed, so that a child that is killed can hold none."""

from __future__ import annotations

import mmap
import struct

CELL = 8
CELLS = 512  # the first for the parent; each place of the pool has one, which one process at a time writes

# Made before any child is forked, and inherited by all of them.
_memory = mmap.mmap(-1, CELLS * CELL)


def start_draining() -> None:
    """In the parent; fit for signal handlers."""
    _write(0, 1)


def is_draining() -> bool:
    return _read(0) != 0


def count_runs(count: int) -> None:
    """In a child, after it has run so many."""
    if count:
        cell = _own_cell()
        _write(cell, _read(cell) + count)


def runs_done() -> int:
    """Of all children together, those that are gone included."""
    return sum(_read(cell) for cell in range(1, CELLS))


def forget() -> None:
    """As a new worker begins: only tests have two in one process."""
    _memory[:] = bytes(len(_memory))


def _own_cell() -> int:
    from billiard.process import current_process

    place = getattr(current_process(), "index", None) or 0
    return 1 + place % (CELLS - 1)


def _read(cell: int) -> int:
    value: int = struct.unpack_from("Q", _memory, cell * CELL)[0]
    return value


def _write(cell: int, value: int) -> None:
    struct.pack_into("Q", _memory, cell * CELL, value)
