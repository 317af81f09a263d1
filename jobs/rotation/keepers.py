"""What apps above the engine keep sealed outside of parameters: they say here how it is moved and verified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobs.rotation.moving import Moved


@dataclass(frozen=True)
class Keeper:
    """`move` seals by the newest key what an older one has sealed, so many rows in a transaction; with `plan` it only
    counts. `verify` opens all."""

    what: str
    move: Callable[[int, bool], Moved]
    verify: Callable[[], Moved]


_known: list[Keeper] = []


def also_keeps(keeper: Keeper) -> None:
    if keeper.what not in [known.what for known in _known]:
        _known.append(keeper)


def keepers() -> list[Keeper]:
    return list(_known)
