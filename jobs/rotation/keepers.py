"""What apps above the engine keep sealed outside of parameters: `keeps_sealed` of their configurations names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobs.rotation.moving import Moved
from scheduler_project.lib.declarations import declared


@dataclass(frozen=True)
class Keeper:
    """`move` seals by the newest key what an older one has sealed, so many rows in a transaction; with `plan` it only
    counts. `verify` opens all."""

    what: str
    move: Callable[[int, bool], Moved]
    verify: Callable[[], Moved]


def keepers() -> list[Keeper]:
    return declared("keeps_sealed")
